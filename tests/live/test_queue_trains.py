"""Trains: several datagrams in one buffer (UDP_SEGMENT) reach a queue. Each datagram is judged as it is on the wire."""
from lab import Lab, expect, expect_equal, wait_until

EVIL = """
function filter(hdr, pld, pkt)
  return not (pkt.dport == 6500 and tostring(pld:segment(0, 4)) == 'EVIL')
end
"""


def judged(program, version, namespace, divert, *options):
    """What came of GOOD EVIL EVIL GOOD sent as one train, EVIL and LAST; and the summary."""
    with Lab(program) as lab:
        address = lab.address(version)
        where = getattr(lab, namespace)
        if options:
            tool = "iptables-nft" if version == 4 else "ip6tables-nft"
            where.must(tool, "-t", "mangle", "-A", "INPUT" if namespace == "server" else "OUTPUT", "-p", "udp",
                       "-j", "NFQUEUE", "--queue-num", options[1])
        else:
            options = ("--divert", divert)
        receiver = lab.peer(lab.server, "datagrams-until-last", address, "6500")
        judge = lab.filter(where, lab.script(EVIL), *options, "--json", "--count")
        lab.ask(lab.client, "datagrams-send", address, "6500", "100", "GOOD", "EVIL", "EVIL", "GOOD")
        lab.ask(lab.client, "datagrams-send", address, "6500", "0", "EVIL")
        lab.ask(lab.client, "datagrams-send", address, "6500", "0", "LAST")
        expect_equal(receiver.wait(), 0, "the receiver's exit status")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        return sorted(receiver.out().split()[1:]), judge.summary()


def every_datagram(program, version):
    for namespace, direction in (("server", "in"), ("client", "out")):
        for divert in (f"{direction} udp dport 6500", direction):
            came, summary = judged(program, version, namespace, divert)
            expect_equal(came, ["GOOD", "GOOD", "LAST"], f"what came, diverted {divert}")
            expect_equal((summary["blocked"], summary["queue"]["trains"]), (3, 0), f"blocked and trains, diverted {divert}")


def test_each_datagram_is_judged_over_ipv4(program):
    every_datagram(program, 4)


def test_each_datagram_is_judged_over_ipv6(program):
    every_datagram(program, 6)


def test_a_queue_of_the_users_own_takes_trains_apart(program):
    for version in (4, 6):
        for namespace in ("server", "client"):
            came, summary = judged(program, version, namespace, "", "--queue", "7")
            expect_equal(came, ["GOOD", "GOOD", "LAST"], "what came")
            expect(summary["queue"]["trains"] in (0, 1), f"trains: {summary}")
            expect_equal(summary["blocked"], 3, "blocked")


CHANGED = """
function filter(hdr, pld, pkt)
  if pkt.dport == 6500 then pld[0] = 0x58 end
end
"""


def test_a_change_that_the_kernel_cannot_take_is_counted_as_blocked(program):
    """A message to the kernel has room for 65,531 bytes, headers included: 65,503 of a datagram over IPv4."""
    sizes = (65507, 65504, 65503, 65000)
    with Lab(program) as lab:
        receiver = lab.peer(lab.server, "udp-report", lab.address(4), "6500")
        judge = lab.filter(lab.server, lab.script(CHANGED), "--divert", "in udp dport 6500", "--json")
        for size in sizes:
            lab.ask(lab.client, "udp-send", lab.address(4), "6500", str(size))
        wait_until(lambda: receiver.out().count("\n") == 3, "two datagrams come")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        summary = judge.summary()
        expect_equal([summary[name] for name in ("packets", "passed", "blocked", "modified")], [4, 2, 2, 2],
                     "packets, passed, blocked, modified")
        verdicts = [record["verdict"] for record in judge.records() if "packet" in record]
        expect_equal(verdicts, ["block", "block", "pass", "pass"], "verdicts")
