"""What a verdict does beside passing and blocking: reject, reply, marks; and packets that are forwarded."""
from lab import Lab, RoutedLab, expect, expect_equal

REJECT = "function filter() return 'reject' end\n"
MARK = "function filter(hdr, pld, pkt) pkt.mark = 42 return true end\n"
REPLY = """
-- Answers for the server: addresses and ports exchanged, the text in capitals.
function filter(hdr, pld, pkt)
  local size, at = #pkt.src, pkt.version == 4 and 12 or 8
  local source, destination = tostring(hdr:segment(at, size)), tostring(hdr:segment(at + size, size))
  local ports = #hdr - 8
  local sport, dport = tostring(hdr:segment(ports, 2)), tostring(hdr:segment(ports + 2, 2))
  hdr:setstring(at, destination .. source)
  hdr:setstring(ports, dport .. sport)
  pkt.payload = tostring(pld):upper() .. '!'
  return 'reply'
end
"""


def connection(lab, place, divert, port="81"):
    judge = lab.filter(place, lab.script(REJECT), "--divert", divert, "--json")
    for version in (4, 6):
        lab.peer(lab.server, "http-server", lab.address(version), port)
        result, milliseconds = lab.ask(lab.client, "tcp-connect", lab.address(version), port).split()
        expect_equal(result, "refused", f"the connection over IPv{version}")
        expect(int(milliseconds) < 900, f"refused only after {milliseconds} ms")
    expect_equal(judge.stop(), 0, "the filter's exit status")
    expect_equal(judge.summary().get("rejected"), 2, "rejected packets")


def test_reject_tcp_in(program):
    with Lab(program) as lab:
        connection(lab, lab.server, "in tcp dport 81")


def test_reject_tcp_out(program):
    with Lab(program) as lab:
        connection(lab, lab.client, "out tcp dport 81")


def test_reject_tcp_forward(program):
    with RoutedLab(program) as lab:
        connection(lab, lab.gateway, "forward tcp dport 81")


def test_reject_everything_does_not_loop(program):
    """The answers go out by the very chain that is diverted."""
    with Lab(program) as lab:
        connection(lab, lab.client, "out tcp")


def test_reject_udp(program):
    with Lab(program) as lab:
        judge = lab.filter(lab.server, lab.script(REJECT), "--divert", "in udp dport 7", "--json")
        for version in (4, 6):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "hello", "5"), "refused", "the datagram")
        judge.stop()


def test_forwarded_packets(program):
    """By content, on a gateway between two networks."""
    with RoutedLab(program) as lab:
        for version in (4, 6):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
        script = lab.script("""
function filter(hdr, pld, pkt)
  assert(pkt.direction == 'forward' and pkt.interface == 'inside0')
  return tostring(pld) ~= 'bad'
end
""")
        judge = lab.filter(lab.gateway, script, "--divert", "forward udp dport 7 on inside0", "--json")
        for version in (4, 6):
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "good", "5"), "good", "a good datagram")
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "bad"), "nothing", "a bad datagram")
        judge.stop()
        expect_equal((judge.summary()["passed"], judge.summary()["blocked"]), (2, 2), "passed and blocked")
        expect(not judge.summary().get("errors"), f"script errors: {judge.out()}")


def test_reply(program):
    with Lab(program) as lab:
        judge = lab.filter(lab.server, lab.script(REPLY), "--divert", "in udp dport 7", "--json")
        for version in (4, 6):  # nobody listens on this port
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "hello", "5"), "HELLO!", "the answer")
        judge.stop()
        expect_equal(judge.summary().get("replied"), 2, f"replied packets; {judge.err()}")


def test_reply_to_somebody_else_is_not_sent(program):
    with Lab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        judge = lab.filter(lab.server, lab.script("function filter() return 'reply' end\n"), "--divert", "in udp dport 7", "--json")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "hello"), "nothing", "the datagram")
        judge.stop()
        expect("exchange the addresses" in judge.err(), f"no warning: {judge.err()}")


def test_mark_is_seen_by_later_rules(program):
    with Lab(program) as lab:
        for version, tool in ((4, "iptables-nft"), (6, "ip6tables-nft")):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
            lab.server.must(tool, "-A", "INPUT", "-m", "mark", "--mark", "42", "-j", "ACCEPT")
        judge = lab.filter(lab.server, lab.script(MARK), "--divert", "in udp dport 7", "--json")
        for version, tool in ((4, "iptables-nft"), (6, "ip6tables-nft")):
            for _ in range(3):
                expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "hello", "5"), "hello", "the datagram")
            rule = lab.server.must(tool, "-L", "INPUT", "-v", "-x", "-n").splitlines()[2].split()
            expect_equal(rule[0], "3", f"packets that {tool} saw with the mark")
        judge.stop()
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "hello", "5"), "hello", "the datagram afterwards")


def test_rules_of_the_firewall_still_hold(program):
    """A packet that the filter passes is still dropped by the firewall's own rule."""
    with Lab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.server.must("iptables-nft", "-A", "INPUT", "-p", "udp", "--dport", "7", "-j", "DROP")
        judge = lab.filter(lab.server, lab.script("function filter() return true end\n"), "--divert", "in udp dport 7", "--json")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "hello"), "nothing", "the datagram")
        judge.stop()
        expect_equal(judge.summary()["passed"], 1, "packets that the filter passed")
