"""Many packets: none lost, none judged wrongly."""
from lab import Lab, expect, expect_equal

FILTER = """
function filter(hdr, pld, pkt)
  return tostring(pld:segment(4, 3)) ~= 'bad'
end
"""


def many(program, version, count, *queues):
    with Lab(program) as lab:
        address = lab.address(version)
        collector = lab.peer(lab.server, "udp-collect", address, "5000", "64")
        judge = lab.filter(lab.server, lab.script(FILTER), "--divert", "in udp dport 5000", "--json", "--count", *queues)
        expect_equal(lab.ask(lab.client, "udp-count", address, "5000", str(count), "64", timeout=300), "sent", "the sender")
        expect_equal(collector.wait(), 0, "the collector's exit status")
        expect_equal(collector.out().split("\n")[1], f"came {count // 2} bad 0 disorder 0", "what came")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        summary = judge.summary()
        expect_equal((summary["packets"], summary["passed"], summary["blocked"]), (count + 1, count // 2 + 1, count // 2),
                     "packets, passed, blocked")
        expect(not judge.err().count("warning"), f"warnings: {judge.err()}")


def test_100000_packets_over_ipv4(program):
    many(program, 4, 100_000)


def test_100000_packets_over_ipv6(program):
    many(program, 6, 100_000)


def test_several_queues(program):
    many(program, 4, 20_000, "--queue", "10-13")
