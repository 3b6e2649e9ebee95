"""Many packets: none lost, none judged wrongly."""
import os
import sys

from lab import HERE, Lab, expect, expect_equal

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
    """Flows to eight addresses through four queues, while other programs want every processor: each flow keeps its order."""
    count, addresses = 2_000, [f"10.77.0.{number}" for number in range(11, 19)]
    with Lab(program) as lab:
        lab.server.setup("\n".join(f"ip addr add {address}/24 dev server0" for address in addresses))
        collectors = [lab.peer(lab.server, "udp-collect", address, "5000", "64") for address in addresses]
        judge = lab.filter(lab.server, lab.script(FILTER), "--divert", "in udp dport 5000", "--json", "--count", "--queue", "10-13")
        for _ in range(2 * os.cpu_count()):
            lab.start(lab.client, sys.executable, "-c", "while True: pass")
        senders = [lab.start(lab.client, sys.executable, HERE / "peers.py", "udp-count", address, "5000", str(count), "64")
                   for address in addresses]
        for sender, collector in zip(senders, collectors):
            expect_equal(sender.wait(300), 0, f"a sender's exit status: {sender.err()}")
            expect_equal(collector.wait(300), 0, "a collector's exit status")
            expect_equal(collector.out().split("\n")[1], f"came {count // 2} bad 0 disorder 0", "what came of a flow")
        # Number, owner, waiting, ...; the last packet's number says whether the queue was used.
        queues = [line.split() for line in lab.server.must("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()]
        used = [int(queue[0]) for queue in queues if int(queue[7]) > 0]
        expect(len(queues) == 4 and len(used) > 1, f"queues that were used: {used} of {queues}")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        summary, flows = judge.summary(), len(addresses)
        expect_equal((summary["packets"], summary["passed"], summary["blocked"]),
                     (flows * (count + 1), flows * (count // 2 + 1), flows * count // 2), "packets, passed, blocked")
        expect(not judge.err().count("warning"), f"warnings: {judge.err()}")
