"""Several UDP datagrams in one buffer (UDP_SEGMENT, receive offload): each is judged, at every hook that sees such buffers."""
import json

from kernel_lab import KernelLab
from lab import expect_equal, wait_until

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
