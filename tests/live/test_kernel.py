"""Filters that stay in the kernel: loaded, replaced and taken out while real packets pass, at every hook."""
import contextlib
import fcntl
import json
import os
import platform
import re
import subprocess
import sys
import time

import kernel_objects
from kernel_lab import PASS, KernelLab
from lab import HERE, Skip, expect, expect_equal, must, need, run, wait_until

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
# As in test_udp: the odd ones are bad. The map, which both orders of names declare alike, counts all but the end's mark.
ODD = """
local seen = map.array {name = 'seen', value = 'u64', size = 2}
function filter(hdr, pld, pkt)
  if pkt.dport == 5001 then log('good %d bad %d', seen[0], seen[1]) return false end
  if pkt.dport ~= 5000 or #pld < 10 then return true end
  local ORDER = 0, 1
  local is_bad = tostring(pld:segment(4, 3)) == 'bad'
  seen:add(is_bad and 1 or 0, 1)
  return not is_bad
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


def reload_under_traffic(program, hooks_of):
    """Numbered datagrams of two kinds over IPv4 and IPv6 at once, counted where they are sent, in the filter, in its map, and where they
    arrive, while one script takes the other's place again and again."""
    with KernelLab(program) as lab:
        hooks = hooks_of(lab)
        scripts = [lab.script(ODD.replace("ORDER", order), f"odd{number}.lua") for number, order in enumerate(("good, bad", "bad, good"))]
        lab.load("odd", scripts[0], *hooks)
        count = 30_000
        collectors = [lab.peer(lab.server, "udp-collect", lab.address(version), "5000", "64") for version in (4, 6)]
        senders = [lab.start(lab.client, sys.executable, HERE / "peers.py", "udp-count", lab.address(version), "5000", str(count), "64")
                   for version in (4, 6)]
        reloads = 0
        while any(sender.running() for sender in senders):
            lab.perilune("reload", "odd", scripts[(reloads + 1) % 2])
            reloads += 1
            expect(reloads < 1000, "the senders do not end")
        for sender, collector in zip(senders, collectors):
            expect_equal(sender.wait(), 0, "the sender's exit status")
            expect_equal(collector.wait(), 0, "the collector's exit status")
            expect_equal(collector.out().split("\n")[1], f"came {count // 2} bad 0 disorder 0", f"what came over {reloads} reloads")
        expect(reloads >= 4, f"only {reloads} reloads: too few to show anything")
        one = lab.filters()["odd"]
        expect_equal(one["counters"]["blocked"], count, f"blocked, counted over {reloads} reloads")
        expect_equal((one["counters"]["errors"], one["reloads"]), (0, reloads), "errors and reloads")
        lab.ask(lab.client, "udp-ask", lab.address(4), "5001", "tell", "0.1")
        told = lab.in_background("events", "odd", "--json", "--backlog")
        wait_until(lambda: '"log"' in told.out(), "the map's counts are told")
        texts = [json.loads(line)["log"]["text"] for line in told.out().splitlines()]
        expect_equal(texts[-1], f"good {count} bad {count}", f"what the map counted over {reloads} reloads")


def test_reload_under_traffic_at_xdp(program):
    reload_under_traffic(program, lambda lab: [lab.hooks[0]])


def test_reload_under_traffic_at_tc_in(program):
    reload_under_traffic(program, lambda lab: [lab.hooks[1]])


def test_reload_under_traffic_at_tc_out(program):
    reload_under_traffic(program, lambda lab: [f"tc:client0:out@{lab.client.name}"])


def test_reload_under_traffic_at_netfilter(program):
    def hooks_of(lab):
        if not lab.has_netfilter:
            raise Skip("this kernel has no netfilter links")
        return [lab.hooks[2]]
    reload_under_traffic(program, hooks_of)


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


def killed_at(lab, kind, number, *words):
    """Runs a command and kills it just before its so manieth system call of a kind."""
    if platform.machine() != "x86_64":
        raise Skip("system calls are only watched on x86-64")
    done = run([sys.executable, HERE / "killed_at.py", kind, str(number), lab.program, *words], env=lab.environment)
    expect_equal(done.stdout.splitlines()[-1:], ["killed"], f"{words} at {kind} {number}: {done.stderr}")


def test_a_killed_load_leaves_nothing_that_unload_does_not_take(program):
    with KernelLab(program) as lab:
        for version in (4, 6):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
        # Whatever is left of it would block.
        name = f"k{os.getpid() % 100_000}"
        script = lab.script(f"local m = map.hash {{name = '{name}m', key = 'u32', value = 'u32', size = 8}}\n"
                            "function filter(hdr, pld, pkt) m[1] = 2 return pkt.protocol ~= 17 end\n")
        moments = [("mkdir", 1), ("mkdir", 3), ("map update", 1), ("map update", 2), ("pin", 1), ("pin", 2), ("pin", 3), ("pin", 9),
                   *(("link create", number) for number in range(1, 2 * len(lab.hooks) - 1)), ("renameat2", 1)]
        for number, (kind, count) in enumerate(moments):
            killed_at(lab, kind, count, "load", name, script, *[word for hook in lab.hooks for word in ("--at", hook)])
            if number % 4 == 1:  # a second try under the same name
                lab.load(name, script, lab.hooks[0])
            lab.perilune("list")
            lab.perilune("unload", *([name] if number % 4 >= 2 and name in lab.filters() else ["--all"]))
            lab.expect_nothing_left()
            for version in (4, 6):
                expect_equal(lab.asked("yes", version), "yes", f"after {kind} {count}")
            # The kernel takes them down a moment later.
            wait_until(lambda: not kernel_objects.named(f"pl_{name}", f"{name}m"), f"programs and maps are gone after {kind} {count}", 5)
        for namespace in (lab.server, lab.client):
            expect_equal(namespace.run(need("nft"), "list", "ruleset").stdout, "", "rules of the firewall")


def test_a_killed_reload_leaves_a_filter_that_works(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        scripts = [lab.script(FILTER.replace("'no'", f"'no' and {number} > -1"), f"words{number}.lua") for number in range(2)]
        lab.load("words", scripts[0], *lab.hooks)
        updates = [("map update", number) for number in range(1, len(lab.hooks))]
        for kind, count in [("pin", 3), ("link update", 1), *updates, ("renameat2", 1), ("unlink", 1)]:
            killed_at(lab, kind, count, "reload", "words", scripts[1])
            hooks = lab.filters()["words"]["hooks"]
            expect(all(hook["attached"] for hook in hooks), f"packets are judged, and listed as detached after {kind} {count}: {hooks}")
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "no", "0.1"), "nothing", f"a blocked word after {kind} {count}")
            expect_equal(lab.asked("yes"), "yes", f"another one after {kind} {count}")
            done = lab.perilune("reload", "words", scripts[0])
            expect("left out" not in done.stderr, f"reloaded after {kind} {count}: {done.stderr}")
            hooks = lab.filters()["words"]["hooks"]
            expect(len(hooks) == len(lab.hooks) and all(hook["attached"] for hook in hooks), f"attached after {kind} {count}: {hooks}")
        lab.perilune("reload", "words", lab.script(PASS, "pass.lua"))
        expect_equal(lab.asked("no"), "no", "with another script at last")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_a_killed_unload_can_be_finished(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        script = lab.script(FILTER)
        detaching = [("link detach", number) for number in range(1, len(lab.hooks) + 1)]
        for kind, count in [("map delete", 1), *detaching, ("unlink", 1), ("unlink", 3), ("unlink", 9), ("rmdir", 1)]:
            lab.load("words", script, *lab.hooks)
            killed_at(lab, kind, count, "unload", "words")
            lab.perilune("unload", "words")
            lab.expect_nothing_left()
            expect_equal(lab.asked("no"), "no", f"after {kind} {count}")

        # From the middle of a chain; the one behind it works on.
        for kind in ("pin", "map update"):
            lab.load("first", lab.script(PASS, "pass.lua"), lab.hooks[0])
            lab.load("words", lab.script(PASS, "pass.lua"), lab.hooks[0])
            lab.load("third", script, lab.hooks[0])
            killed_at(lab, kind, 1, "unload", "words")
            for name in ("words", "first"):
                expect_equal(lab.asked("no"), "nothing", f"a blocked word after {kind} and before {name} goes")
                lab.perilune("unload", name)
            expect_equal(lab.asked("no"), "nothing", f"a blocked word after {kind}, with one filter left")
            lab.perilune("unload", "third")
            lab.expect_nothing_left()


def test_what_was_done_is_told_where_standard_output_is_full(program):
    """The kernel was changed: the exit status says so, and standard error what was done."""
    with KernelLab(program) as lab:
        script, hook = lab.script(PASS), lab.hooks[1]
        for json_option in ("", "--json"):
            for shell, reason in (("> /dev/full", "ENOSPC"), (">&-", "EBADF")):
                for words, told in ((("load", "q", script, "--at", hook), f"q: loaded at {hook}"), (("reload", "q"), f"q: reloaded at {hook}"),
                                    (("unload", "q"), "q: unloaded"), (("load", "q", script, "--at", hook), "q: loaded"),
                                    (("unload", "--all"), "q: unloaded")):
                    done = run(["sh", "-c", f'exec "$@" {json_option} {shell}', "sh", program, *words], env=lab.environment)
                    expect_equal(done.returncode, 0, f"exit status of {words} {shell}: {done.stderr}")
                    expect(f"perilune: {told}" in done.stderr and f"({reason})" in done.stderr, f"{words} {shell} said: {done.stderr}")
                    expect_equal("q" in lab.filters(), words[0] != "unload", f"loaded after {words} {shell}")
        # Nothing is changed when one of the names is wrong.
        lab.load("q", script, hook)
        done = run(["sh", "-c", 'exec "$@" > /dev/full', "sh", program, "unload", "q", "none"], env=lab.environment)
        expect(done.returncode == 1 and "unloaded" not in done.stderr and "'none'" in done.stderr, f"said: {done}")
        expect("q" in lab.filters(), "unloaded beside a wrong name")
        # Telling was all there was to do.
        done = run(["sh", "-c", 'exec "$@" > /dev/full', "sh", program, "list"], env=lab.environment)
        expect(done.returncode == 2 and "cannot write to standard output" in done.stderr, f"said: {done}")


def test_short_memory_leaves_nothing_half_done(program):
    """With less and less memory a load is refused in order, or done; a reload leaves a filter that works."""
    script = "local t = {} for i = 1, 500 do t[i] = 'x' .. i end\n" + FILTER
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        path, short = lab.script(script), 0

        def limited(size, *words):
            nonlocal short
            done = run(["sh", "-c", f'ulimit -v {size}; exec "$@"', "sh", program, *words], env=lab.environment)
            if done.returncode == 127 and "shared librar" in done.stderr:
                return None
            expect(done.returncode in (0, 1, 2), f"{words} with {size} KB: exit status {done.returncode}: {done.stderr}")
            if done.returncode != 0:
                short += 1
                expect("memory" in done.stderr.lower(), f"{words} with {size} KB said: {done.stderr}")
            return done.returncode

        hooks = [word for hook in lab.hooks for word in ("--at", hook)]
        for size in range(16_000, 60_000, 1_000):
            status = limited(size, "load", "q", path, *hooks)
            if status == 0:
                break
            lab.expect_nothing_left()
        expect_equal(status, 0, "exit status with the most memory")
        for size in range(16_000, size + 1_000, 1_000):
            for words in (("reload", "q", path), ("stats", "q"), ("list",)):
                limited(size, *words)
            expect("unfinished" not in lab.filters()["q"], f"after {size} KB: {lab.filters()['q']}")
            expect_equal(lab.asked("no"), "nothing", f"a blocked word after {size} KB")
        expect(short >= 8, f"memory was short only {short} times")


def test_any_name_of_an_interface(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        name = "an-alternative-name-of-many-letters"
        done = lab.server.run("ip", "link", "property", "add", "dev", "server0", "altname", name)
        if done.returncode != 0:
            raise Skip(f"alternative names: {done.stderr.strip()}")
        says = lab.script("function filter(hdr, pld, pkt) return pkt.protocol ~= 17 or pkt.interface ~= 'server0' end\n", "says.lua")
        for hook in ("xdp", "tc"):
            lab.load("named", says, f"{hook}:{name}{':in' if hook == 'tc' else ''}@{lab.server.name}")
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "yes", "0.5"), "nothing", f"the script knows its name at {hook}")
            expect(lab.filters()["named"]["hooks"][0]["hook"].startswith(f"{hook}:server0"), "the name that is listed")
            lab.perilune("unload", "named")


def test_a_name_like_a_command(program):
    with KernelLab(program) as lab:
        for name in ("test", "list", "load", "run", "unload", "all"):
            lab.load(name, lab.script(PASS), lab.hooks[0])
            expect(name in lab.filters(), f"{name} is listed")
            lab.perilune("show", name)
            lab.perilune("stats", name)
            lab.perilune("reload", name)
            lab.perilune("unload", name)
        lab.expect_nothing_left()


def test_too_few_descriptors_are_called_so(program):
    with KernelLab(program) as lab:
        prlimit = need("prlimit")
        script, tried = lab.script(FILTER), 0
        for number in range(4, 60):
            done = run([prlimit, f"--nofile={number}", program, "load", "few", script, *(word for hook in lab.hooks for word in ("--at", hook))],
                       env=lab.environment)
            if done.returncode == 0:
                break
            if "error while loading shared libraries" in done.stderr:
                continue
            tried += 1
            expect_equal(done.returncode, 2, f"exit status with {number} descriptors: {done.stderr}")
            expect("EMFILE" in done.stderr or "Too many open files" in done.stderr, f"said with {number} descriptors: {done.stderr}")
            expect("fault of perilune" not in done.stderr, f"said with {number} descriptors: {done.stderr}")
            lab.expect_nothing_left()
        expect(tried >= 8, f"only {tried} numbers were too few")
        expect("few" in lab.filters(), "with enough of them it is loaded")


def test_the_lock_is_not_waited_for_without_end(program):
    with KernelLab(program) as lab:
        lab.load("words", lab.script(PASS), lab.hooks[0])
        with open_folder(lab.bpffs / "perilune") as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)
            expect("words" in lab.filters(), "list does not wait")
            done = lab.perilune("unload", "words", check=False)
            expect_equal(done.returncode, 2, f"exit status: {done.stderr}")
            said = done.stderr.splitlines()
            expect(said[0].startswith(f"perilune: waiting for process {os.getpid()} ("), f"who is waited for: {done.stderr}")
            expect("error:" in said[1] and f"process {os.getpid()} (" in said[1], f"who holds the lock: {done.stderr}")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


@contextlib.contextmanager
def open_folder(path):
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def test_statistics_as_they_come(program):
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", lab.script(FILTER), lab.hooks[0], lab.hooks[1])
        watch = lab.in_background("stats", "words", "--watch", "--interval", "0.2", "--json")
        table = lab.in_background("stats", "--watch", "--interval", "0.2")
        wait_until(lambda: watch.out().count("\n") >= 2, "statistics are printed")
        for _ in range(3):
            lab.ask(lab.client, "udp-flood", lab.address(4), "7", "300", "0.2")
        wait_until(lambda: '"packets":900' in watch.out().replace(" ", "") or
                   any(row["hooks"][0]["counters"]["packets"] >= 900 for row in rows_of(watch)), "all packets are counted")
        rows = rows_of(watch)
        rates = [hook.get("packets_per_second", 0) for row in rows for hook in row["hooks"]]
        costs = [hook["ns_per_packet"] for row in rows for hook in row["hooks"] if "ns_per_packet" in hook]
        expect(max(rates) > 300, f"packets per second: {rates}")
        expect(costs and all(1 < cost < 1_000_000 for cost in costs), f"nanoseconds a packet: {costs}")
        expect_equal(len(rows[-1]["hooks"]), 2, "hooks")
        wait_until(lambda: re.search(r"words +xdp:server0\S* +9\d\d", table.out()), "the table shows them")
        for process in (watch, table):
            process.signal(2)
            expect_equal(process.wait(), 0, f"exit status; {process.err()}")


def rows_of(watch):
    return [json.loads(line)["stats"] for line in watch.out().splitlines(keepends=True) if line.endswith("\n")]


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
        listener = lab.listen("talk", "-w", capture)
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
        packets = [record for record in records if "packet" in record]
        expect_equal((packets[0]["dst"], packets[0]["dport"], packets[0]["verdict"]), (lab.address(4), 7, "block"), "the packet")
        expect(capture.stat().st_size > 200, "the capture is too small")
        judged = must([program, "run", lab.script(PASS), capture, "--json"])
        expect_equal(sum('"packet":' in line for line in judged.splitlines()), 2, "packets in the capture")


def test_events_have_the_shape_of_runs(program):
    """Log lines, errors and packets are told by the same keys as by `run --json`, and besides where they come from."""
    script = """
    function filter(hdr, pld, pkt)
      if pkt.dport ~= 7 then return true end
      log('port %d', pkt.dport)
      if #pld > 3 then error('long') end
      return false
    end
    """
    with KernelLab(program) as lab:
        path = lab.script(script, "shape.lua")
        lab.perilune("load", "shape", path, "--at", lab.hooks[0])
        capture = lab.folder / "shape.pcapng"
        listener = lab.listen("shape", "-w", capture)
        for text in ("no", "longer"):
            lab.ask(lab.client, "udp-ask", lab.address(4), "7", text, "0.1")
        wait_until(lambda: listener.out().count('"packet"') >= 2, "both packets show")
        listener.signal(2)
        expect_equal(listener.wait(), 0, "exit status")

        def shapes(lines, leave_out):
            found = {}
            for record in map(json.loads, lines.splitlines()):
                kind = next((kind for kind in ("log", "error", "summary", "packet") if kind in record), "other")
                keys = set(record if kind in ("packet", "other") else record[kind])
                found.setdefault(kind, set()).update(keys - leave_out)
            return found
        # `run` numbers the packets of a file; the kernel's have a time, a processor and a hook.
        told = shapes(listener.out(), {"filter", "hook", "cpu", "packet", "time"})
        judged = shapes(run([program, "run", path, capture, "--json", "--all"]).stdout, {"file", "packet", "time"})
        for kind in ("log", "error", "packet"):
            expect_equal(told.get(kind), judged.get(kind), f"keys of a {kind}")
        expect({"line", "script", "text"} <= told["log"] and {"kind", "message"} <= told["error"], f"what is told: {told}")


def test_the_columns_of_list(program):
    with KernelLab(program) as lab:
        lab.perilune("load", "wide", lab.script("function filter() return 'reply' end", "wide.lua"), "--at", lab.hooks[0])
        lab.ask(lab.client, "udp-ask", lab.address(4), "9", "x", "0.1")
        head, row = lab.perilune("list").stdout.splitlines()
        expect_equal(head.split(), ["NAME", "HOOK", "MODE", "PACKETS", "BLOCKED", "REPLIED", "ERRORS", "LOADED", "SCRIPT"], "columns")
        values = dict(zip(head.split(), row.split()))
        counters = lab.counters("wide")
        expect(int(values["REPLIED"]) > 0 and values["BLOCKED"] == "0" and values["ERRORS"] == "0", f"the row: {row}")
        expect(int(values["PACKETS"]) <= counters["packets"], f"packets: {row}, {counters}")
        for words in (("show", "wide"), ("stats", "wide")):
            expect("replied" in lab.perilune(*words).stdout.lower(), f"{words} tells replies")


def test_the_budget_of_a_running_filter(program):
    """reload keeps what was given, takes another number, and refuses one that is too large without touching the filter."""
    with KernelLab(program) as lab:
        endless = lab.script("function filter(hdr, pld, pkt)\n  if pkt.dport == 9 then while true do end end\n  return true\nend\n", "endless.lua")
        lab.perilune("load", "budget", endless, "--at", lab.hooks[1], "--instructions", "50000")
        listener = lab.listen("budget")
        lab.ask(lab.client, "udp-ask", lab.address(4), "9", "x", "0.1")
        wait_until(lambda: "50000" in listener.out(), f"the error names the budget: {listener.out()}")
        refused = lab.perilune("reload", "budget", "--instructions", "8000001", check=False)
        expect_equal(refused.returncode, 1, "exit status of a budget that is too large")
        expect("8000001 is more than a filter in the kernel may take for one packet, 8000000" in refused.stderr, refused.stderr)
        lab.perilune("reload", "budget", "--instructions", "60000")
        time.sleep(0.5)
        lab.ask(lab.client, "udp-ask", lab.address(4), "9", "x", "0.1")
        wait_until(lambda: "60000" in listener.out(), f"the error names the new budget: {listener.out()}")
        listener.signal(2)
        listener.wait()


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
                (("load", "x", script, "--at", "xdp:eth0@" + "n" * 300), 1, "too long for the name"),
                (("load", "x", script, "--at", "netfilter:input:-2147483648"), 1, "from -2147483647 to"),
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


def test_what_is_missing_around_it_is_explained(program):
    """Without /sys, and without the right to look at other processes: one error, with what to do about it."""
    with KernelLab(program) as lab:
        unshare, setpriv = need("unshare"), need("setpriv")
        words = [program, "load", "x", lab.script(PASS), "--at"]
        done = run([unshare, "-m", "sh", "-c", 'umount -l /sys && exec "$@"', "sh", *words, lab.hooks[1]], env=lab.environment)
        said = done.stderr.splitlines()
        expect_equal((done.returncode, len(said)), (2, 2), f"status and lines without /sys: {said}")
        expect("mount -t sysfs" in said[1], f"said without /sys: {said}")
        done = run([setpriv, "--bounding-set", "-sys_ptrace", *words, "xdp:lo@1"], env=lab.environment)
        expect(done.returncode == 2 and "EACCES" in done.stderr and "CAP_SYS_PTRACE" in done.stderr, f"said of process 1: {done}")
        lab.expect_nothing_left()


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


def test_each_missing_capability_is_named(program):
    """Root with all capabilities but some: nothing is called the fault of the script or of the program."""
    # Compiled code that the verifier only takes from those who may see the kernel's memory.
    script = ("local m = map.hash {name = 'm', key = 'u32', value = 'u64', size = 8}\n"
              "function filter(hdr, pld, pkt) m:add(pkt.sport or 0, 1) return not (pld and pld:find('attack')) end\n")
    with KernelLab(program) as lab:
        setpriv, path = need("setpriv"), lab.script(script)
        for dropped, named in (("perfmon,sys_admin", "CAP_PERFMON"), ("bpf,sys_admin", "CAP_BPF"), ("net_admin,sys_admin", "CAP_NET_ADMIN"),
                               ("bpf,perfmon,net_admin,sys_admin", "CAP_NET_ADMIN")):
            less = ",".join(f"-{one}" for one in dropped.split(","))
            for hook in lab.hooks[:2]:
                words = [setpriv, "--bounding-set", less, program, "load", "less", path, "--at", hook.split("@")[0]]
                done = lab.server.run(*words, env=lab.environment)
                expect_equal(done.returncode, 2, f"exit status without {dropped}: {done.stderr}")
                expect(named in done.stderr and "missing" in done.stderr, f"said without {dropped} at {hook}: {done.stderr}")
                expect("fault of perilune" not in done.stderr, f"said without {dropped} at {hook}: {done.stderr}")
        lab.expect_nothing_left()
        # Those that include others.
        for dropped in ("perfmon", "bpf", "bpf,perfmon"):
            less = ",".join(f"-{one}" for one in dropped.split(","))
            done = lab.server.run(setpriv, "--bounding-set", less, program, "load", "less", path, "--at", lab.hooks[0].split("@")[0],
                                  env=lab.environment)
            expect_equal(done.returncode, 0, f"exit status without {dropped}: {done.stderr}")
            lab.perilune("unload", "less")
