"""`pkt.payload = s` in the kernel: longer and shorter payloads arrive whole, with right checksums, and names and game servers are
answered for by examples/dns-nxdomain.lua and examples/a2s-challenge.lua."""
import pathlib

from kernel_lab import PASS, KernelLab
from lab import ROOT, expect, expect_equal, wait_until
from services import Dns

EXAMPLES = pathlib.Path(ROOT) / "examples"

# The first byte says what becomes of the payload: both ways are taken by questions of the client.
OTHERS = """
local net = require 'net'
local many, some = ('0123456789'):rep(130), ('0123456789'):rep(10)

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= 7 then return end
  local what = pld[0]
  if what == 99 then pkt.payload = pld:segment(1, 3) end                        -- c: cut
  if what == 101 then pkt.payload = '' end                                      -- e: empty
  if what == 103 then pkt.payload = tostring(pld:segment(0, 1000)) .. some end  -- g: grown
  if what == 111 then pkt.payload = 'one more' .. tostring(pld:segment(0, 1200)) end
  if what == 109 then pkt.payload = many .. many .. many end                    -- m: more than a frame of Ethernet carries
end
"""
SOME = "0123456789" * 10
ANSWERS = {"cabcdef": "abc", "empty": "", "g": "g" + SOME, "g" + "x" * 150: "g" + "x" * 150 + SOME, "o": "one moreo", "same": "same",
           "o" + "y" * 1199: "one moreo" + "y" * 1199, "c" + "z" * 1300: "zzz"}


def check_answers(lab, hook, address):
    for text, answer in ANSWERS.items():
        expect_equal(lab.ask(lab.client if address != "127.0.0.1" else lab.server, "udp-ask", address, "7", text, "5"), answer,
                     f"{text[:9]}... of {len(text)} bytes at {hook}")


def test_payloads_of_other_lengths_at_every_hook(program):
    with KernelLab(program) as lab:
        for version in (4, 6):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
        for hook in (f"xdp:server0@{lab.server.name}", f"tc:server0:in@{lab.server.name}", f"tc:client0:out@{lab.client.name}"):
            lab.load("others", lab.script(OTHERS), hook)
            for version in (4, 6):
                check_answers(lab, hook, lab.address(version))
            counters = lab.counters("others")
            expect_equal((counters["modified"], counters.get("errors", 0)), (2 * len(ANSWERS) - 2, 0), f"packets at {hook}")
            lab.perilune("unload", "others")


def test_frames_without_room_behind_them(program):
    """The loopback interface has no XDP of its own: frames there have next to no room at their end, and what they have in front is
    taken."""
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", "127.0.0.1", "7")
        hook = f"xdp:lo@{lab.server.name}"
        lab.load("others", lab.script(OTHERS), hook)
        check_answers(lab, hook, "127.0.0.1")
        expect_equal(lab.counters("others").get("errors", 0), 0, f"errors at {hook}")


def test_no_room_is_an_error_of_the_script(program):
    """tc hands on no more than the interface's MTU allows. The packet is not damaged on the way to on_error."""
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        hook = f"tc:client0:out@{lab.client.name}"
        lab.perilune("load", "others", lab.script(OTHERS), "--at", hook, "--on-error", "pass")
        listener = lab.listen("others")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "many", "5"), "many", "what passes after the error")
        wait_until(lambda: "MTU" in listener.out(), "the error is told")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "g", "5"), "g" + SOME, "what fits")
        expect('"line":13' in listener.out(), f"the line of the error: {listener.out()}")
        expect_equal(lab.counters("others")["errors"], 1, "errors")


class DnsLab(Dns, KernelLab):
    pass


def test_names_that_do_not_exist(program):
    """dns-nxdomain.lua answers in place of dnsmasq, at every hook that can."""
    with DnsLab(program) as lab:
        # What a program sends back out of a veth's end in the driver arrives where the other end has a program, too.
        lab.load("peer", lab.script(PASS, "pass.lua"), f"xdp:client0@{lab.client.name}")
        for hook in (f"xdp:server0@{lab.server.name}", f"tc:server0:in@{lab.server.name}", f"tc:client0:out@{lab.client.name}"):
            lab.load("names", EXAMPLES / "dns-nxdomain.lua", hook)
            for version in (4, 6):
                for name in ("ads.example.net", "x.Telemetry.example.org"):
                    said = lab.client.run(lab.dig, f"@{lab.address(version)}", "+tries=1", "+time=5", name, "AAAA").stdout
                    expect("status: NXDOMAIN" in said and f";{name}." in said, f"{name} over IPv{version} at {hook}: {said}")
                    expect("QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0" in said, f"the answer at {hook}: {said}")
                expect_equal(lab.ask_dns(version, "good.example.net"), "192.0.2.2", f"another name at {hook}")
            counters = lab.counters("names")
            expect_equal((counters["replied"], counters.get("errors", 0)), (4, 0), f"questions answered at {hook}")
            lab.perilune("unload", "names")
            expect_equal(lab.ask_dns(4, "ads.example.net"), "192.0.2.3", "the name afterwards")


def test_queries_of_a_game_server(program):
    """a2s-challenge.lua between a client that speaks the protocol and a server that has challenges of its own. What is sent with a
    forged address never reaches the server."""
    with KernelLab(program) as lab:
        lab.load("peer", lab.script(PASS, "pass.lua"), f"xdp:client0@{lab.client.name}")
        servers = {version: lab.peer(lab.server, "a2s-server", lab.address(version), "27015") for version in (4, 6)}
        asked = 0
        for hook in (f"xdp:server0@{lab.server.name}", f"tc:server0:in@{lab.server.name}", f"tc:client0:out@{lab.client.name}"):
            lab.load("a2s", EXAMPLES / "a2s-challenge.lua", hook)
            for version in (4, 6):
                expect_equal(lab.ask(lab.client, "a2s-ask", lab.address(version), "27015", "1"), "challenged", f"once at {hook}")
                expect_equal(lab.ask(lab.client, "a2s-ask", lab.address(version), "27015", "5"), "the map is de_dust",
                             f"IPv{version} at {hook}")
            asked += 2
            wait_until(lambda: all(f"asked {asked}" in server.out() for server in servers.values()), f"the server is asked at {hook}")
            expect_equal(lab.counters("a2s").get("errors", 0), 0, f"errors at {hook}")
            lab.perilune("unload", "a2s")


HIDDEN = """
function filter(hdr, pld, pkt)
  if pkt.protocol == 4 then pkt.payload = '' end
end
"""


def test_what_is_cut_off_does_not_leave(program):
    """The kernel does not cut a packet within a header that it knows of, as that of a packet in a tunnel: what stays is empty."""
    with KernelLab(program) as lab:
        lab.load("hidden", lab.script(HIDDEN), f"tc:client0:out@{lab.client.name}")
        seen = lab.peer(lab.server, "frames-collect", "server0", "4")
        lab.ask(lab.client, "tunnel-send", "client0", "inner secret")
        wait_until(lambda: "frame" in seen.out(), "the packet arrives")
        frame = bytes.fromhex(seen.out().split()[-1])
        expect_equal(frame[14 + 2:14 + 4].hex(), "0014", f"the packet's length by its header: {frame.hex()}")
        expect(set(frame[34:]) <= {0}, f"bytes behind the packet: {frame.hex()}")
