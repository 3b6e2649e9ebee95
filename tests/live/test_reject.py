"""'reject' in the kernel tells the sender: a TCP reset, or ICMP unreachable, over IPv4 and IPv6, whoever finishes checksums."""
from injection import socket_in
from kernel_lab import PASS, KernelLab
from lab import Skip, expect, expect_equal

REJECT = """
function filter(hdr, pld, pkt)
  if pkt.dport == 7 or pkt.dport == 80 then return 'reject' end
  return true
end
"""
# A connection that is under way.
WORDS = """
function filter(hdr, pld, pkt)
  if pkt.dport == 80 and pld and #pld > 0 and tostring(pld:segment(0, 16)):find('secret', 1, true) then return 'reject' end
  return true
end
"""


class RejectLab(KernelLab):
    def places(self):
        """Where packets of the client to the server pass."""
        return [f"xdp:server0@{self.server.name}", f"tc:server0:in@{self.server.name}", f"tc:client0:out@{self.client.name}"]

    def load_at(self, place, text):
        # What native XDP sends back over a veth pair arrives only where the other end has a program, too.
        if place.startswith("xdp"):
            self.load("peer", self.script(PASS, "pass.lua"), f"xdp:client0@{self.client.name}")
        self.load("reject", self.script(text), place)

    def unload(self):
        self.perilune("unload", *self.filters())

    def connect(self, version, port="80"):
        result, milliseconds = self.ask(self.client, "tcp-connect", self.address(version), port, "5").split()
        return result if int(milliseconds) < 1000 else f"{result} after {milliseconds} ms"

    def asked_at(self, version, port="7"):
        return self.ask(self.client, "udp-ask", self.address(version), port, "hello", "2")


def told_at_each_place(lab, what):
    for place in lab.places():
        lab.load_at(place, REJECT)
        for version in (4, 6):
            expect_equal(lab.connect(version), "refused", f"TCP over IPv{version} at {place}, {what}")
            expect_equal(lab.asked_at(version), "refused", f"UDP over IPv{version} at {place}, {what}")
        expect(lab.counters("reject")["rejected"] >= 4, f"counted at {place}: {lab.counters('reject')}")
        lab.unload()
        for version in (4, 6):
            expect_equal(lab.connect(version), "connected", f"TCP over IPv{version} after {place}, {what}")


def with_servers(lab):
    for version in (4, 6):
        lab.peer(lab.server, "http-server", lab.address(version), "80")
        lab.peer(lab.server, "udp-echo", lab.address(version), "7")


def test_senders_are_told(program):
    with RejectLab(program) as lab:
        with_servers(lab)
        told_at_each_place(lab, "checksums left to the device")


def test_senders_are_told_with_finished_checksums(program):
    with RejectLab(program) as lab:
        with_servers(lab)
        for namespace, device in ((lab.client, "client0"), (lab.server, "server0")):
            expect_equal(lab.ask(namespace, "offloads", device, "tx=0"), "done", "checksums are finished in software")
        told_at_each_place(lab, "checksums finished")


def test_senders_are_told_over_vlans(program):
    with RejectLab(program) as lab:
        for namespace, device, host in ((lab.server, "server0", 1), (lab.client, "client0", 2)):
            if namespace.run("ip", "link", "add", "link", device, "name", f"{device}.7", "type", "vlan", "id", "7").returncode != 0:
                raise Skip("this kernel has no VLANs")
            namespace.setup(f"""ip addr add 10.78.0.{host}/24 dev {device}.7
                ip link set {device}.7 up""")
        lab.peer(lab.server, "http-server", "10.78.0.1", "80")
        connect = lambda: lab.ask(lab.client, "tcp-connect", "10.78.0.1", "80", "3").split()[0]
        expect_equal(connect(), "connected", "before")
        for place in lab.places():
            lab.load_at(place, REJECT)
            expect_equal(connect(), "refused", f"TCP at {place}")
            expect_equal(lab.ask(lab.client, "udp-ask", "10.78.0.1", "7", "hello", "2"), "refused", f"UDP at {place}")
            lab.unload()
        lab.load("reject", lab.script(REJECT), f"tc:server0.7:in@{lab.server.name}")
        expect_equal(connect(), "refused", "TCP at the VLAN's own interface")


def test_a_connection_under_way_is_reset(program):
    with RejectLab(program) as lab:
        for place in lab.places():
            lab.load_at(place, WORDS)
            for version in (4, 6):
                server = lab.peer(lab.server, "tcp-sink", lab.address(version), "80")
                said = lab.ask(lab.client, "tcp-say", lab.address(version), "80", "hello", "the secret")
                expect_equal(said, "sent sent reset", f"IPv{version} at {place}")
                server.kill()
            expect_equal(lab.counters("reject")["rejected"], 2, f"rejected at {place}")
            lab.unload()


def test_answers_are_limited(program):
    """Twenty a second to each sender, by each processor; what is not answered is dropped all the same."""
    with RejectLab(program) as lab:
        lab.load_at(lab.places()[1], REJECT)
        with socket_in(lab.client.name) as asker:
            asker.settimeout(0.01)
            asker.connect((lab.address(4), 7))
            refused = 0
            for _ in range(120):
                try:
                    asker.send(b"hello")
                    asker.recv(100)
                except ConnectionRefusedError:
                    refused += 1
                except TimeoutError:
                    pass
        counters = lab.counters("reject")
        expect(counters["rejected"] >= 120 - refused, f"every packet was rejected: {counters}, {refused} were told")
        # It takes about a second or two, on a machine that is busy more.
        expect(20 <= refused < 110, f"told {refused} times")


def test_where_nothing_can_be_sent_load_says_so(program):
    with RejectLab(program) as lab:
        if lab.has_netfilter:
            said = lab.load("reject", lab.script(REJECT), f"netfilter:input@{lab.server.name}").stderr
            expect("a 'reject' only drops" in said, f"at netfilter: {said}")
            lab.unload()
        said = lab.load("reject", lab.script(REJECT), f"tc:server0:in@{lab.server.name}").stderr
        expect("only drops" not in said, f"at tc: {said}")
        lab.unload()
        said = lab.load("reject", lab.script(REJECT), f"xdp:server0@{lab.server.name}").stderr
        expect("is lost while the other end of this veth pair" in said, f"at xdp without a program at the other end: {said}")
