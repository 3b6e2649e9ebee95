"""Several UDP datagrams in one buffer (UDP_SEGMENT, receive offload): each is judged, at every hook that sees such buffers."""
import json

from kernel_lab import KernelLab
from lab import Skip, expect, expect_equal, wait_until

EVIL = """
local seen = map.array {name = 'seen', value = 'u64', size = 2}
function filter(hdr, pld, pkt)
  if pkt.dport ~= 6500 then return true end
  seen:add(0, 1)
  log('%d %d', #pld, pkt.length)
  return tostring(pld:segment(0, 4)) ~= 'EVIL'
end
"""
REWRITE = """
function filter(hdr, pld, pkt)
  if pkt.dport == 6500 and #pld > 4 then pld:setstring(0, '<' .. tostring(pld:segment(1, 2)) .. '>') end
  return true
end
"""
HEADERS = "function filter(hdr, pld, pkt) if pkt.dport == 6500 then hdr[1] = 8 end return true end\n"


def hooks_of(lab):
    hooks = [f"tc:client0:out@{lab.client.name}", f"tc:server0:in@{lab.server.name}"]
    if lab.has_netfilter:
        hooks += [f"netfilter:{hook}@{lab.client.name}" for hook in ("output", "postrouting")]
        hooks += [f"netfilter:{hook}@{lab.server.name}" for hook in ("prerouting", "input")]
    return hooks


def received(lab, words, version, segment="100"):
    """What arrives of datagrams of 100 bytes that begin with these words, sent in one buffer."""
    target = lab.peer(lab.server, "udp-words", lab.address(version), "6500")
    expect_equal(lab.ask(lab.client, "udp-train", lab.address(version), "6500", segment, *words), "sent", "the sender")
    expect_equal(target.wait(), 0, "the receiver")
    return target.out().split()[1:]


def test_each_datagram_is_judged(program):
    with KernelLab(program) as lab:
        for hook in hooks_of(lab):
            lab.load("evil", lab.script(EVIL), hook)
            listener = lab.listen("evil")
            for version in (4, 6):
                where = f"IPv{version} at {hook}"
                expect_equal(received(lab, ["GOOD", "FINE", "GOOD"], version), ["GOOD", "FINE", "GOOD"], f"good ones, {where}")
                # Nobody can take one out of the buffer: all are lost.
                for words in (["GOOD", "EVIL", "GOOD"], ["GOOD", "GOOD", "EVIL"], ["EVIL", "GOOD", "GOOD"]):
                    expect_equal(received(lab, words, version), [], f"{words}, {where}")
                expect_equal(received(lab, ["GOOD"], version), ["GOOD"], f"a single one, {where}")
            counters = lab.counters("evil")
            expect_equal(counters["blocked"], 6, f"blocked datagrams at {hook}")
            expect_equal(counters.get("errors", 0), 0, f"errors at {hook}")
            logs = lambda: [record["log"]["text"] for record in map(json.loads, listener.out().splitlines()) if "log" in record]
            wait_until(lambda: len(logs()) >= 26, f"every datagram is shown at {hook}: {logs()}", 5)
            expect_equal(sorted(set(logs())), ["100 128", "100 148"], f"their lengths at {hook}")
            expect_equal(len(logs()), 26, f"datagrams shown at {hook}")
            listener.signal(2)
            listener.wait()
            lab.perilune("unload", "evil")


def test_the_last_datagram_may_be_shorter(program):
    with KernelLab(program) as lab:
        for hook in hooks_of(lab)[:3]:
            lab.load("evil", lab.script(EVIL), hook)
            for version in (4, 6):  # 200 bytes and 100
                expect_equal(received(lab, ["GOOD", "EVIL", "FINE"], version, "200"), ["GOOD", "FINE"], f"IPv{version} at {hook}")
                expect_equal(received(lab, ["GOOD", "GOOD", "EVIL"], version, "200"), [], f"IPv{version} at {hook}")
            lab.perilune("unload", "evil")


def test_payloads_can_be_written_to_and_headers_cannot(program):
    with KernelLab(program) as lab:
        for hook in hooks_of(lab)[:2]:
            lab.load("rewrite", lab.script(REWRITE), hook)
            for version in (4, 6):
                expect_equal(received(lab, ["AB12", "CD34", "EF56"], version), ["<B1>", "<D3>", "<F5>"], f"IPv{version} at {hook}")
            lab.perilune("unload", "rewrite")
            lab.load("headers", lab.script(HEADERS), hook)
            listener = lab.listen("headers")
            for version in (4, 6):
                expect_equal(received(lab, ["AB12", "CD34"], version), [], f"with other headers, IPv{version} at {hook}")
                expect_equal(received(lab, ["AB12"], version), ["AB12"], f"one datagram, IPv{version} at {hook}")
            wait_until(lambda: "only its payload can be written to" in listener.out(), f"the error at {hook} says why", 5)
            listener.signal(2)
            listener.wait()
            lab.perilune("unload", "headers")


class TunnelLab(KernelLab):
    """The two ends of the veth pair are also joined by a tunnel: 10.78.0.1 (server) and 10.78.0.2 (client), fd78::1 and fd78::2."""
    inside = {4: "10.78.0.1", 6: "fd78::1"}

    def tunnel(self, kind, *words):
        for namespace, device, mine, other in ((self.server, "server0", 1, 2), (self.client, "client0", 2, 1)):
            ends = [f"10.77.0.{mine}" if word == "MINE" else f"10.77.0.{other}" if word == "OTHER" else device if word == "DEVICE" else word
                    for word in words]
            done = namespace.run("ip", "link", "add", "tunnel", "type", kind, *ends)
            if done.returncode != 0:
                raise Skip(f"no {kind} here: {done.stderr.strip()}")
            namespace.setup(f"""
                ip addr add 10.78.0.{mine}/24 dev tunnel
                ip addr add fd78::{mine}/64 dev tunnel nodad
                ip link set tunnel up
            """)

    def vxlan(self):
        self.tunnel("vxlan", "id", "7", "local", "MINE", "remote", "OTHER", "dstport", "4789", "dev", "DEVICE")


def received_inside(lab, words, version):
    target = lab.peer(lab.server, "udp-words", lab.inside[version], "6500")
    expect_equal(lab.ask(lab.client, "udp-train", lab.inside[version], "6500", "100", *words), "sent", "the sender")
    expect_equal(target.wait(), 0, "the receiver")
    return target.out().split()[1:]


def judged_inside(program, make, versions):
    """At the tunnel's own devices a train is one like any other, on both sides."""
    with TunnelLab(program) as lab:
        make(lab)
        for hook in (f"tc:tunnel:out@{lab.client.name}", f"tc:tunnel:in@{lab.server.name}"):
            lab.load("evil", lab.script(EVIL), hook)
            for version in versions:
                where = f"IPv{version} at {hook}"
                expect_equal(received_inside(lab, ["GOOD", "FINE", "GOOD"], version), ["GOOD", "FINE", "GOOD"], f"good ones, {where}")
                expect_equal(received_inside(lab, ["GOOD", "EVIL", "GOOD"], version), [], f"one bad, {where}")
            counters = lab.counters("evil")
            expect_equal((counters["blocked"], counters.get("errors", 0)), (len(versions), 0), f"counted at {hook}")
            lab.perilune("unload", "evil")


def test_trains_at_a_vxlan_device(program):
    judged_inside(program, TunnelLab.vxlan, (4, 6))


def test_trains_at_an_ipip_device(program):
    judged_inside(program, lambda lab: lab.tunnel("ipip", "local", "MINE", "remote", "OTHER"), (4,))


OUTER = """
local net = require 'net'
function filter(hdr, pld, pkt)
  if pkt.dport == 4789 then log('%d', #pld) end
  return true
end
"""


def test_a_train_inside_a_tunnel_stays_together(program):
    """As the manual says: what carries the tunnel sees one packet, unless the sender cut it before."""
    with TunnelLab(program) as lab:
        lab.vxlan()
        received_inside(lab, ["GOOD"], 4)  # now the ends know each other
        lab.load("outer", lab.script(OUTER), f"tc:client0:out@{lab.client.name}")
        listener = lab.listen("outer")
        sizes = lambda: [int(record["log"]["text"]) for record in map(json.loads, listener.out().splitlines()) if "log" in record]
        expect_equal(received_inside(lab, ["GOOD"] * 3, 4), ["GOOD"] * 3, "what comes through")
        # VXLAN's header, Ethernet, IPv4 and UDP inside, then all datagrams or one of them; ARP and the multicast reports of
        # IPv6 have other sizes.
        one = 8 + 14 + 20 + 8
        wait_until(lambda: sum(size - one for size in sizes() if size > one and (size - one) % 100 == 0) == 300, f"all datagrams are seen: {sizes()}", 5)
        listener.signal(2)
        listener.wait()


def test_generic_xdp_sees_a_train_as_one_packet(program):
    """As the manual says; and with segmentation turned off at the sender, as the manual advises, each datagram is judged."""
    with TunnelLab(program) as lab:
        lab.vxlan()
        received_inside(lab, ["GOOD"], 4)
        loaded = lab.load("evil", lab.script(EVIL), f"xdp:tunnel@{lab.server.name}")
        expect(", generic" in loaded.stdout, f"a vxlan device has no XDP of its own: {loaded.stdout}")
        expect_equal(received_inside(lab, ["EVIL", "GOOD", "GOOD"], 4), [], "a train whose first datagram is blocked")
        expect_equal(received_inside(lab, ["GOOD", "EVIL"], 4), ["GOOD", "EVIL"], "a train whose second would be blocked alone")
        expect_equal(lab.ask(lab.client, "feature", "tunnel", "tx-udp-segmentation", "0"), "done", "no segmentation")
        expect_equal(received_inside(lab, ["GOOD", "EVIL", "FINE"], 4), ["GOOD", "FINE"], "datagrams that left one by one")


def test_datagrams_that_arrive_together_are_judged_one_by_one(program):
    """The sender cuts the train, the receiver's GRO puts it together again, since the socket asks for that."""
    with KernelLab(program) as lab:
        expect_equal(lab.ask(lab.client, "feature", "client0", "tx-udp-segmentation", "0"), "done", "no segmentation at the sender")
        # A veth that could send TCP segments together gives everything on without GRO.
        expect_equal(lab.ask(lab.client, "offloads", "client0", "tso=0"), "done", "no TCP segmentation, either")
        expect_equal(lab.ask(lab.server, "offloads", "server0", "gro=1"), "done", "GRO at the receiver")
        lab.load("evil", lab.script(EVIL), f"tc:server0:in@{lab.server.name}")
        together = 0
        for version in (4, 6):
            def received_by_gro(words):
                target = lab.peer(lab.server, "udp-words", lab.address(version), "6500", "1")
                expect_equal(lab.ask(lab.client, "udp-train", lab.address(version), "6500", "100", *words), "sent", "the sender")
                expect_equal(target.wait(), 0, "the receiver")
                return [line.split() for line in target.out().splitlines()[1:]]
            for _ in range(3):
                good = received_by_gro(["GOOD", "FINE", "GOOD", "LAST"])
                expect_equal(sum(good, []), ["GOOD", "FINE", "GOOD", "LAST"], f"good ones over IPv{version}")
                together += any(len(one) > 1 for one in good)
                # Lost are the datagram that is blocked, and those that came in one buffer with it.
                words = sum(received_by_gro(["GOOD", "EVIL", "FINE", "LAST"]), [])
                expect("EVIL" not in words and words in ([], ["LAST"], ["FINE", "LAST"], ["GOOD", "FINE", "LAST"]), f"with a bad one: {words}")
        expect(together > 0, "GRO never put datagrams together: this test has shown nothing")
        counters = lab.counters("evil")
        expect_equal(counters.get("errors", 0), 0, "errors")
