"""Filters that stay in the kernel: loaded, replaced and taken out while real packets pass, at every hook."""
import json
import os
import subprocess
import time

from kernel_lab import PASS, KernelLab
from lab import Skip, expect, expect_equal, must, need, run, wait_until

# Datagrams that begin with "no" do not get through.
FILTER = """
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 and pld and #pld >= 2 and tostring(pld:segment(0, 2)) == 'no' then
    return false
  end
  return true
end
"""
BLOCK_UDP = "function filter(hdr, pld, pkt) return pkt.protocol ~= 17 end\n"
# As in test_udp: the odd ones are bad.
ODD = """
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 17 then return true end
  return tostring(pld:segment(4, 3)) ~= 'bad'
end
"""


def at_one_hook(program, hook, version):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(version), "7")
        expect_equal(lab.asked("no-1", version), "no-1", "before")
        place = f"{hook}@{lab.server.name}"
        if hook.startswith("netfilter") and not any(one.startswith("netfilter") for one in lab.hooks):
            raise Skip("this kernel has no netfilter links")
        lab.perilune("load", "words", lab.script(FILTER), "--at", place)
        # The process has ended: nothing but the kernel holds it.
        expect_equal(lab.asked("no-2", version), "nothing", "a word that is blocked")
        expect_equal(lab.asked("yes", version), "yes", "another one")
        one = lab.filters()["words"]
        expect(one["hooks"][0]["attached"], f"not attached: {one}")
        expect(one["hooks"][0]["hook"].startswith(hook), f"its hook: {one['hooks'][0]['hook']}")
        counters = lab.records("stats", "words")[0]["stats"]["counters"]
        expect_equal(counters["blocked"], 1, "blocked")
        expect(counters["passed"] >= 1 and counters["packets"] >= 2, f"counters: {counters}")
        shown = lab.perilune("show", "words").stdout
        expect("instructions" in shown and "words" in shown, f"shown: {shown}")
        expect_equal(lab.perilune("show", "words", "--script").stdout, FILTER, "its text")
        lab.perilune("unload", "words")
        expect_equal(lab.asked("no-3", version), "no-3", "after")
        lab.expect_nothing_left()


def test_xdp(program):
    at_one_hook(program, "xdp:server0", 4)


def test_xdp_ipv6(program):
    at_one_hook(program, "xdp:server0", 6)


def test_tc_in(program):
    at_one_hook(program, "tc:server0:in", 4)


def test_tc_out_ipv6(program):
    at_one_hook(program, "tc:server0:out", 6)


def test_netfilter_prerouting(program):
    at_one_hook(program, "netfilter:prerouting", 4)


def test_netfilter_input_ipv6(program):
    at_one_hook(program, "netfilter:input", 6)


def test_netfilter_with_priority(program):
    at_one_hook(program, "netfilter:input:-150", 4)


def reload_under_traffic(program, kind):
    with KernelLab(program) as lab:
        hooks = [hook for hook in lab.hooks if hook.startswith(kind)]
        if not hooks:
            raise Skip("this kernel has no netfilter links")
        script = lab.script(ODD)
        lab.perilune("load", "odd", script, "--at", hooks[0])
        count = 60_000
        collector = lab.peer(lab.server, "udp-collect", lab.address(4), "5000", "64")
        sender = lab.start(lab.client, "python3", os.path.join(os.path.dirname(__file__), "peers.py"), "udp-count",
                           lab.address(4), "5000", str(count), "64")
        reloads = 0
        while sender.running():
            lab.perilune("reload", "odd")
            reloads += 1
            expect(reloads < 1000, "the sender does not end")
        expect_equal(sender.wait(), 0, "the sender's exit status")
        expect_equal(collector.wait(), 0, "the collector's exit status")
        expect_equal(collector.out().split("\n")[1], f"came {count // 2} bad 0 disorder 0", f"what came over {reloads} reloads")
        expect(reloads >= 2, f"only {reloads} reloads: too few to show anything")
        counters = lab.filters()["odd"]["counters"]
        expect_equal(counters["blocked"], count // 2, f"blocked, counted over {reloads} reloads")


def test_reload_under_traffic_at_xdp(program):
    reload_under_traffic(program, "xdp")


def test_reload_under_traffic_at_tc(program):
    reload_under_traffic(program, "tc")


def test_reload_under_traffic_at_netfilter(program):
    reload_under_traffic(program, "netfilter")


def test_several_filters_at_each_hook(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        for hook in lab.hooks:
            for name, text in (("first", PASS), ("second", FILTER), ("third", PASS)):
                lab.perilune("load", name, lab.script(text, f"{name}.lua"), "--at", hook)
            expect_equal(lab.asked("no"), "nothing", f"a word that the second one blocks at {hook}")
            expect_equal(lab.asked("yes"), "yes", f"another one at {hook}")
            counters = {name: one["counters"] for name, one in lab.filters().items()}
            expect(counters["third"]["packets"] >= 1, f"the third one at {hook} sees what the others let pass: {counters}")
            lab.perilune("unload", "second")
            expect_equal(lab.asked("no"), "no", f"without the second one at {hook}")
            lab.perilune("unload", "first", "third")
            lab.expect_nothing_left()


def test_nothing_is_left_after_unload_all(program):
    with KernelLab(program) as lab:
        for number, hook in enumerate(lab.hooks):
            lab.perilune("load", f"f{number}", lab.script(PASS), "--at", hook)
        lab.perilune("load", "everywhere", lab.script(PASS), *[word for hook in lab.hooks for word in ("--at", hook)])
        expect_equal(len(lab.filters()), len(lab.hooks) + 1, "filters that are listed")
        lab.perilune("unload", "--all")
        lab.expect_nothing_left()


def test_all_hooks_or_none(program):
    with KernelLab(program) as lab:
        done = lab.perilune("load", "half", lab.script(PASS), "--at", lab.hooks[0], "--at", f"tc:server9:in@{lab.server.name}",
                            check=False)
        expect_equal(done.returncode, 1, "exit status")
        expect("server9" in done.stderr and "did you mean 'server0'" in done.stderr, f"said: {done.stderr}")
        lab.expect_nothing_left()


def test_a_bad_script_leaves_the_old_filter(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.perilune("load", "words", lab.script(FILTER), "--at", lab.hooks[0])
        done = lab.perilune("reload", "words", lab.script("function filter( return true end\n", "bad.lua"), check=False)
        expect_equal(done.returncode, 1, "exit status")
        expect_equal(lab.asked("no"), "nothing", "the old filter blocks on")
        expect(lab.filters()["words"]["script"].endswith("filter.lua"), "its script")


def test_reload_takes_another_script(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.perilune("load", "turn", lab.script(PASS), *[word for hook in lab.hooks for word in ("--at", hook)])
        expect_equal(lab.asked("yes"), "yes", "with the first script")
        lab.perilune("reload", "turn", lab.script(BLOCK_UDP, "block.lua"))
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "yes", "0.5"), "nothing", "with the second one")
        one = lab.filters()["turn"]
        expect(one["script"].endswith("block.lua") and one["reloads"] == 1, f"listed: {one}")


def test_a_killed_load_leaves_nothing_that_unload_does_not_take(program):
    with KernelLab(program) as lab:
        script = lab.script(PASS)
        for delay in (0.005, 0.02, 0.04, 0.08):
            process = lab.in_background("load", "killed", script, *[word for hook in lab.hooks for word in ("--at", hook)])
            time.sleep(delay)
            process.kill()
            lab.perilune("list")
            lab.perilune("unload", "--all")
            lab.expect_nothing_left()


def test_events(program):
    script = """
    function filter(hdr, pld, pkt)
      if pkt.protocol ~= 17 then return true end
      log('port %d', pkt.dport)
      return tostring(pld:segment(0, 2)) ~= 'no'
    end
    """
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.perilune("load", "talk", lab.script(script, "talk.lua"), "--at", lab.hooks[0])
        capture = lab.folder / "drops.pcapng"
        listener = lab.in_background("events", "talk", "-w", capture, "--json")
        wait_until(lambda: "ready:" in listener.err(), "the listener gets ready")
        expect_equal(lab.asked("no"), "nothing", "a word that is blocked")
        wait_until(lambda: '"packet"' in listener.out(), "the blocked packet shows")
        lab.perilune("reload", "talk")
        time.sleep(0.5)
        expect_equal(lab.asked("no"), "nothing", "a word that is blocked after a reload")
        wait_until(lambda: listener.out().count('"packet"') == 2, "the blocked packet shows after a reload")
        listener.signal(2)
        expect_equal(listener.wait(), 0, "exit status")
        records = [json.loads(line) for line in listener.out().splitlines()]
        logs = [record["log"] for record in records if "log" in record]
        expect_equal([log["text"] for log in logs], ["port 7", "port 7"], "what was logged")
        packets = [record["packet"] for record in records if "packet" in record]
        expect_equal((packets[0]["dst"], packets[0]["dport"], packets[0]["verdict"]), (lab.address(4), 7, "block"), "the packet")
        expect(capture.stat().st_size > 200, "the capture is too small")
        judged = must([program, "run", lab.script(PASS), capture, "--json"])
        expect_equal(sum('"packet":' in line for line in judged.splitlines()), 2, "packets in the capture")


def test_mistakes_are_explained(program):
    with KernelLab(program) as lab:
        script = lab.script(PASS)
        lab.perilune("load", "taken", script, "--at", lab.hooks[1])
        for words, status, part in (
                (("load", "taken", script, "--at", lab.hooks[0]), 1, "already"),
                (("load", "a.b", script, "--at", lab.hooks[0]), 1, "cannot be the name"),
                (("load", "x", script), 1, "--at"),
                (("load", "x", script, "--at", "xpd:eth0"), 1, "did you mean 'xdp'"),
                (("load", "x", script, "--at", "xdp:eth0@nowhere"), 1, "no network namespace 'nowhere'"),
                (("load", "x", lab.folder / "none.lua", "--at", lab.hooks[0]), 1, "none.lua"),
                (("unload", "token"), 1, "did you mean 'taken'"),
                (("reload", "nothing-like-it"), 1, "no filter is loaded"),
                (("show", "nothing-like-it"), 1, "there are: taken"),
                (("stats", "nothing-like-it"), 1, "no filter is loaded"),
                (("events", "nothing-like-it"), 1, "no filter is loaded"),
                (("unload",), 1, "no name given"),
        ):
            done = lab.perilune(*words, check=False)
            expect_equal(done.returncode, status, f"exit status of {words}: {done.stderr}")
            expect(part in done.stderr, f"{words} said: {done.stderr}")
        writing = lab.script("local data = require 'data'\nlocal ip = data.layout{ttl = {64, 8}}\n"
                             "function filter(hdr) hdr:layout(ip).ttl = 9 return true end\n", "writing.lua")
        if len(lab.hooks) > 2:
            done = lab.perilune("load", "w", writing, "--at", lab.hooks[2], check=False)
            expect_equal(done.returncode, 1, f"exit status for a script that writes at netfilter: {done.stderr}")
            expect("xdp" in done.stderr, f"said: {done.stderr}")


def test_the_missing_capability_is_named(program):
    with KernelLab(program) as lab:
        setpriv = need("setpriv")
        copy = lab.folder / "perilune"
        subprocess.run(["cp", str(program), str(copy)], check=True)
        copy.chmod(0o755)
        done = run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", copy, "load", "x",
                    lab.script(PASS), "--at", "xdp:lo"], env=lab.environment)
        expect_equal(done.returncode, 2, f"exit status: {done.stderr}")
        expect("CAP_BPF" in done.stderr and "CAP_NET_ADMIN" in done.stderr, f"said: {done.stderr}")
        done = run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", copy, "features"],
                   env=lab.environment)
        expect_equal(done.returncode, 2, "exit status of features")
        expect("CAP_BPF" in done.stderr, f"said: {done.stderr}")
