"""What a reload keeps, and what it says of what it does not; and where a filter is when names have changed hands."""
import contextlib

from kernel_lab import PASS, KernelLab
from lab import Namespace, Skip, expect, expect_equal, must, run, wait_until


def script_with(declaration, writes=""):
    # The filter uses the map, or it would not be there at packet time.
    return (f"local m = map.{declaration}\n{writes}\n"
            "function filter(hdr, pld, pkt) return pkt.dport ~= 9 or m[1] == nil end\n")


def entries_of(lab, name):
    return {one["name"]: one.get("entries") for one in lab.records("show", name)[0]["filter"]["maps"]}


def test_maps_declared_differently_start_empty(program):
    first = "hash {name = 'm', key = 'u8', value = 'u64', size = 10}"
    alike = ["hash {size = 10, value = 'u64', key = 'u8', name = 'm'}"]
    # Of the same size in bytes as far as that can be, and all of another meaning.
    others = ["hash {name = 'm', key = 'u8', value = 'u32', size = 10}", "hash {name = 'm', key = 'u8', value = 'i64', size = 10}",
              "hash {name = 'm', key = 'u8', value = 'bool', size = 10}", "hash {name = 'm', key = 'u8', value = 'string:6', size = 10}",
              "hash {name = 'm', key = 'u8', value = {'u64'}, size = 10}", "hash {name = 'm', key = 'u8', value = {'u32', 'u32'}, size = 10}",
              "hash {name = 'm', key = 'i8', value = 'u64', size = 10}", "hash {name = 'm', key = 'u8', value = 'u64', size = 11}",
              "hash {name = 'm', key = 'u8', value = 'u64', size = 10, ttl = 60}", "lru {name = 'm', key = 'u8', value = 'u64', size = 10}"]
    with KernelLab(program) as lab:
        lab.load("m", lab.script(script_with(first, "m[1] = 6000000000 m[2] = 5")), lab.hooks[1])
        for declaration in alike:
            reloaded = lab.records("reload", "m", lab.script(script_with(declaration)))[0]["reloaded"]
            expect_equal((reloaded["notes"], entries_of(lab, "m")), ([], {"m": 2}), f"after {declaration}")
        for declaration in others:
            again = lab.records("reload", "m", lab.script(script_with(first, "m[1] = 6000000000 m[2] = 5")))[0]["reloaded"]
            expect_equal(entries_of(lab, "m"), {"m": 2}, f"before {declaration}: {again}")
            reloaded = lab.records("reload", "m", lab.script(script_with(declaration)))[0]["reloaded"]
            expect_equal(reloaded["notes"], ["map 'm' is declared differently now: it starts empty"], f"notes for {declaration}")
            expect_equal(entries_of(lab, "m"), {"m": 0}, f"after {declaration}")
        done = lab.perilune("reload", "m", lab.script(script_with(first, "m[3] = 1")))
        expect("map 'm' is declared differently now: it starts with what the main chunk writes" in done.stderr, f"said: {done.stderr}")
        done = lab.perilune("reload", "m", lab.script(PASS))
        expect("map 'm' is not used any more: its entries are gone" in done.stderr, f"said: {done.stderr}")


def test_renewal_is_part_of_a_declaration(program):
    text = "hash {{name = 'm', key = 'u8', value = 'u64', size = 10, ttl = {}, renew = {}}}"
    with KernelLab(program) as lab:
        lab.load("m", lab.script(script_with(text.format(60, "true"))), lab.hooks[1])
        for ttl, renew in ((60, "false"), (61, "false"), (61.5, "false")):
            said = lab.perilune("reload", "m", lab.script(script_with(text.format(ttl, renew)))).stderr
            expect("'m' is declared differently now" in said, f"said for {ttl}, {renew}: {said}")


def test_entries_with_a_time_to_live_live_from_the_load(program):
    text = ("local listed = map.hash {{name = 'listed', key = 'string:4', value = 'bool', size = 10, ttl = {}}}\n{}\n"
            "function filter(hdr, pld, pkt)\n"
            "  if pkt.dport == 7 and listed[tostring(pld:segment(0, 4))] then return false end\nend\n")
    first, second = "map.set(listed, 'no-1', true)", "map.set(listed, 'no-2', true)"
    with KernelLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        for hook in lab.hooks:
            lab.load("listed", lab.script(text.format(3600, first)), hook)
            expect_equal([lab.asked(word) for word in ("no-1", "no-2", "yes")], ["nothing", "no-2", "yes"], f"after the load at {hook}")
            again = lab.records("reload", "listed", lab.script(text.format(3600, f"{first} {second}")))[0]["reloaded"]
            expect_equal(again["notes"], [], "notes of the reload")
            expect_equal([lab.asked(word) for word in ("no-1", "no-2", "yes")], ["nothing", "nothing", "yes"], f"after the reload at {hook}")
            expect_equal(entries_of(lab, "listed"), {"listed": 2}, f"entries at {hook}")
            lab.perilune("unload", "listed")
        lab.load("listed", lab.script(text.format(3, first)), lab.hooks[1])
        expect_equal(lab.asked("no-1"), "nothing", "while the entry lives")
        wait_until(lambda: lab.asked("no-1") == "no-1", "the entry of the main chunk expires")


@contextlib.contextmanager
def made_anew(lab, name):
    """A namespace that is to be deleted and made again."""
    namespace = Namespace(name)
    try:
        namespace.must("ip", "link", "set", "lo", "up")
        yield namespace
    finally:
        lab.perilune("unload", "--all", check=False)
        run(["ip", "netns", "del", name])


def test_a_namespace_whose_name_another_one_has_now(program):
    with KernelLab(program) as lab:
        if not lab.has_netfilter:
            raise Skip("this kernel has no netfilter links")
        name = f"{lab.server.name}n"
        with made_anew(lab, name) as namespace:
            place = f"netfilter:input@{name}"
            lab.load("guard", lab.script(PASS), place)
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], f"netfilter:input:0@{name}", "its place at first")
            must(["ip", "netns", "del", name])
            must(["ip", "netns", "add", name])
            hook = lab.filters()["guard"]["hooks"][0]
            expect_equal(hook["hook"], "netfilter:input:0@elsewhere", f"its place: {hook}")
            expect(f"'{name}' is another namespace by now" in hook["problem"], f"remark: {hook}")
            listed, counted = lab.perilune("list").stdout, lab.perilune("stats", "guard").stdout
            for said in (listed, counted):
                expect(f"input:0@{name}" not in said and "@elsewhere" in said, f"said: {said}")
            done = lab.perilune("reload", "guard")
            expect("reloaded at netfilter:input:0@elsewhere" in done.stdout, f"said: {done.stdout}")
            expect(f"'{name}' is another namespace by now" in done.stderr, f"warned: {done.stderr}")
            # The name is free for a filter in the namespace that has it now.
            lab.load("other", lab.script(PASS), place)
            expect_equal(lab.filters()["other"]["hooks"][0]["hook"], f"netfilter:input:0@{name}", "place of the other one")
            lab.perilune("unload", "guard", "other")
            lab.expect_nothing_left()
        # A name that is no file's: of a process, which ends.
        namespace = Namespace(name)
        try:
            sleeper = lab.start(namespace, "sleep", "1000")
            lab.load("guard", lab.script(PASS), f"netfilter:input@{sleeper.pid}")
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], f"netfilter:input:0@{name}", "its place by the name there is")
            must(["ip", "netns", "del", name])
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], f"netfilter:input:0@{sleeper.pid}", "its place by a process")
            sleeper.kill()
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], "netfilter:input:0@elsewhere", "its place at last")
        finally:
            run(["ip", "netns", "del", name])


def test_reload_tells_where_an_interface_went(program):
    with KernelLab(program) as lab:
        name = f"{lab.server.name}m"
        with made_anew(lab, name) as namespace:
            namespace.setup("ip link add moved0 type veth peer name moved9")
            lab.load("guard", lab.script(PASS), f"tc:moved0:in@{name}")
            namespace.must("ip", "link", "set", "moved0", "netns", lab.server.name)
            lab.server.must("ip", "link", "set", "moved0", "name", "moved1")
            new = f"tc:moved1:in@{lab.server.name}"
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], new, "its place that is listed")
            reloaded = lab.records("reload", "guard")[0]["reloaded"]
            expect_equal(reloaded["hooks"][0]["hook"], new, "its place that reload tells")
            done = lab.perilune("reload", "guard")
            expect(f"reloaded at {new} " in done.stdout, f"said: {done.stdout}")
            expect_equal(lab.filters()["guard"]["hooks"][0]["hook"], new, "its place that is listed at last")
            expect("problem" not in lab.filters()["guard"]["hooks"][0], "nothing is strange about it")
