"""'reply' in the kernel: what a filter makes of a request arrives at who sent it, without the script knowing the link."""
from kernel_lab import PASS, KernelLab
from lab import expect, expect_equal

ANSWER = """
local net = require 'net'

local function turn(hdr, pkt)
  if pkt.version == 4 then
    local ip = hdr:layout(net.ipv4)
    ip.src, ip.dst = ip.dst, ip.src
  else
    local ip = hdr:layout(net.ipv6)
    ip.src, ip.dst = ip.dst, ip.src
  end
end

function filter(hdr, pld, pkt)
  if pkt.protocol == net.protocol.udp and pkt.dport == 7 and #pld >= 2 then
    turn(hdr, pkt)
    local udp = pkt.transport:layout(net.udp)
    udp.sport, udp.dport = udp.dport, udp.sport
    pld[0], pld[1] = 79, 75
    return 'reply'
  end
  local request = pkt.version == 4 and 8 or 128
  local protocol = pkt.version == 4 and 1 or 58
  if pkt.protocol == protocol and pkt.transport and pkt.transport[0] == request then
    turn(hdr, pkt)
    local icmp = pkt.transport
    icmp[0] = pkt.version == 4 and 0 or 129
    return 'reply'
  end
  return true
end
"""


def test_a_reply_arrives_at_every_hook(program):
    """At tc and xdp of the server nobody listens; at tc of the client, on the way out, nothing leaves the machine."""
    with KernelLab(program) as lab:
        # What a program sends back out of a veth's end in the driver arrives where the other end has a program, too.
        lab.load("peer", lab.script(PASS, "pass.lua"), f"xdp:client0@{lab.client.name}")
        for hook in (f"tc:server0:in@{lab.server.name}", f"xdp:server0@{lab.server.name}", f"tc:client0:out@{lab.client.name}"):
            lab.load("answer", lab.script(ANSWER), hook)
            for version in (4, 6):
                for text in ("??", "??llo", "??" + "x" * 1000):
                    expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", text, "2"), "OK" + text[2:],
                                 f"UDP over IPv{version} at {hook}")
                expect_equal(lab.ask(lab.client, "echo-ask", lab.address(version), "hello"), "answer",
                             f"an echo over IPv{version} at {hook}")
            expect_equal(lab.counters("answer")["replied"], 8, f"replies at {hook}")
            lab.perilune("unload", "answer")


def test_load_says_that_a_veth_needs_a_program_at_its_other_end(program):
    with KernelLab(program) as lab:
        script = lab.script("function filter(hdr, pld, pkt) if pkt.dport == 7 then return 'reply' end end\n", "reply.lua")
        hook, other = f"xdp:server0@{lab.server.name}", f"xdp:client0@{lab.client.name}"
        expect_equal(lab.load("none", lab.script(PASS, "pass.lua"), hook).stderr, "", "what is said of a script that never replies")
        lab.perilune("unload", "none")
        said = lab.load("one", script, hook).stderr
        expect("perilune: note: what is sent back from xdp:server0 ('reply', 'reject') is lost while the other end of this veth pair, client0 in another "
               "network namespace, has no XDP program" in said, f"load said: {said}")
        expect_equal(lab.load("other", script, other).stderr, "", "what is said where the other end has a program")
        lab.perilune("unload", "one")
        expect_equal(lab.load("one", script, hook).stderr, "", "what is said when both have one")
        expect_equal(lab.load("tc", script, f"tc:server0:in@{lab.server.name}").stderr, "", "what is said at tc")


def test_link_addresses_of_the_script_stay(program):
    own = ANSWER.replace("pld[0], pld[1] = 79, 75", "pld[0], pld[1] = 79, 75 if #pld == 3 then pkt.frame[5] = pkt.frame[5] ~ 1 end")
    with KernelLab(program) as lab:
        hook = f"tc:server0:in@{lab.server.name}"
        lab.load("answer", lab.script(own), hook)
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "??", "2"), "OK", "link addresses exchanged")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "??!", "1"), "nothing", "link addresses of the script")
