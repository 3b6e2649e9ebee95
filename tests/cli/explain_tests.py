"""`perilune explain` and `perilune compile`."""
import glob
import os

from harness import contains, ends, equal, lacks

GOOD = """-- comment
function filter(hdr, pld, pkt)
  if pkt.dport == 23 then
    return false
  end
end
"""
WRITES = "function filter(hdr, pld, pkt)\n  pld[0] = 1\n  pkt.mark = 5\nend\n"
FLOATS = "function filter(hdr, pld)\n  return pld[0] / 2 == 1\nend\n"


def explained(w, *arguments, status=0):
    output = w.run("explain", *arguments, "--json")
    ends(output, status, None, "")
    [one] = output.lines()
    return one


def test_a_script_that_compiles(w):
    w.write("g.lua", GOOD)
    output = w.run("explain", "g.lua")
    ends(output, 0, None, "")
    contains(output.out, "g.lua: engine: kernel (xdp, tc, netfilter, cgroup, iptables), native\n")
    contains(output.out, " instructions at xdp:\n")
    contains(output.out, "    3  if pkt.dport == 23 then\n")
    lacks(output.out, "not at")


def test_costs_add_up(w):
    w.write("g.lua", GOOD)
    one = explained(w, "g.lua")
    equal((one["script"], one["engine"]), ("g.lua", "kernel"))
    equal([(hook["hook"], hook["compiles"]) for hook in one["hooks"]],
          [("xdp", True), ("tc", True), ("netfilter", True), ("cgroup", True), ("iptables", True), ("native", True)])
    for hook in one["hooks"]:
        equal(sum(line["instructions"] for line in hook["lines"]), hook["instructions"], hook["hook"])
        equal({line["line"] for line in hook["lines"]} >= {3, 4}, True, "lines 3 and 4 cost something")
        equal({line["file"] for line in hook["lines"] if line["line"]}, {"g.lua"})
        equal((hook["maps"], hook["writes"], hook["logs"]), ([], False, False))


def test_a_hook_that_cannot(w):
    w.write("w.lua", WRITES)
    one = explained(w, "w.lua")
    equal({hook["hook"]: [refusal["code"] for refusal in hook.get("refusals", [])] for hook in one["hooks"]},
          {"xdp": ["no-mark"], "tc": [], "netfilter": ["read-only-hook"], "cgroup": ["read-only-hook"], "iptables": ["read-only-hook"], "native": []})
    output = w.run("explain", "w.lua")
    ends(output, 0, None, "")
    contains(output.out, "w.lua: engine: kernel (tc), native\n")
    contains(output.out, "not at xdp, because of\nw.lua:3: error: pkt.mark cannot be set at this hook [no-mark]\n  hint: ")
    contains(output.out, "not at netfilter, cgroup, iptables, because of\nw.lua:2: error: ")
    contains(output.out, " instructions at tc:\n")
    output = w.run("explain", "w.lua", "--at", "netfilter:input")
    ends(output, 1, None, "")
    contains(output.out, "w.lua: engine: native ('perilune run'), because it does not compile for where it was asked for\n")
    one = explained(w, "w.lua", "--at", "netfilter:input", status=1)
    equal(one["engine"], "native")


def test_a_script_for_lua_alone(w):
    w.write("f.lua", FLOATS)
    one = explained(w, "f.lua")
    equal((one["engine"], [hook["compiles"] for hook in one["hooks"]]), ("lua", [False] * 6))
    [refusal] = one["hooks"][0]["refusals"]
    equal((refusal["code"], refusal["file"], refusal["line"]), ("float", "f.lua", 2))
    output = w.run("explain", "f.lua")
    ends(output, 0, None, "")
    contains(output.out, "f.lua: engine: lua, because it does not compile\n")
    contains(output.out, "not at xdp, tc, netfilter, cgroup, iptables, native, because of\nf.lua:2: error: ")
    contains(output.out, "hint: use the integer division //")


def test_one_hook(w):
    w.write("w.lua", WRITES)
    one = explained(w, "w.lua", "--at", "tc:eth0:out")
    equal([(hook["hook"], hook["compiles"]) for hook in one["hooks"]], [("tc:eth0:out", True)])
    explained(w, "w.lua", "--at", "tc", "--at", "netfilter:input", status=1)
    output = w.run("explain", "w.lua", "--at", "tcc:eth0")
    ends(output, 1, "")
    contains(output.err, "'tcc:eth0' is not a hook")
    contains(output.err, "did you mean 'tc'?")


def test_the_interface_is_known_where_it_is_named(w):
    w.write("i.lua", "function filter(hdr, pld, pkt) return pkt.interface == 'eth0' end\n")
    explained(w, "i.lua", "--at", "xdp:eth0")
    equal(explained(w, "i.lua", "--at", "xdp", status=1)["hooks"][0]["refusals"][0]["code"], "no-interface")


def test_maps_are_listed(w):
    w.write("m.lua", "local seen = map.lru {name = 'seen', key = 'ip', value = 'u32', size = 100, ttl = 5}\n"
                     "function filter(hdr, pld, pkt)\n  seen:add(pkt.src, 1)\nend\n")
    [seen] = explained(w, "m.lua")["hooks"][0]["maps"]
    equal((seen["name"], seen["type"], seen["entries"]), ("seen", "lru", 100))
    contains(w.run("explain", "m.lua").out, "map seen (lru): ")


def test_modules_are_named(w):
    w.write("names.lua", "local names = {}\nfunction names.bad(x)\n  return x == 7\nend\nreturn names\n")
    w.write("m.lua", "local names = require 'names'\nfunction filter(hdr, pld)\n  return not names.bad(pld[0])\nend\n")
    files = {line["file"] for line in explained(w, "m.lua")["hooks"][0]["lines"] if line["line"]}
    equal(sorted(os.path.basename(file) for file in files), ["m.lua", "names.lua"])
    contains(w.run("explain", "m.lua").out, "  return x == 7\n")


def test_what_does_not_load(w):
    w.write("s.lua", "function filter(\n")
    for command in ("explain", "compile"):
        output = w.run(command, "s.lua")
        ends(output, 1, "")
        contains(output.err, "[syntax]")
        output = w.run(command, "nosuch.lua")
        ends(output, 1, "")
        contains(output.err, "[cannot-read]")
        output = w.run(command)
        ends(output, 1, "")
        contains(output.err, f"perilune {command} SCRIPT")


def test_other_functions(w):
    w.write("o.lua", "function judge() return true end\n")
    explained(w, "o.lua", "--function", "judge")
    ends(w.run("compile", "o.lua", "--function", "judge"), 0, None, "")
    ends(w.run("compile", "o.lua"), 1, "")


def test_memory_of_the_script(w):
    w.write("large.lua", "local names = {}\nfor n = 1, 600000 do names['name' .. n] = true end\n"
            "function filter(hdr, pld) return not names[tostring(pld:segment(0, 20))] end\n")
    for command in ("explain", "compile"):
        output = w.run(command, "large.lua", "--memory", "16M")
        ends(output, 1, "")
        contains(output.err, "the script's limit is 16 MiB (--memory) [limit]")
        ends(w.run(command, "large.lua", "--memory", "1G"), 0, None, "")
        output = w.run(command, "large.lua", "--memory", "1X")
        ends(output, 1, "")
        contains(output.err, "--memory: '1X' has an unknown unit")


def test_the_examples_compile(w):
    for path in sorted(glob.glob(os.path.join(w.root, "examples", "*.lua"))):
        with open(path, encoding="utf-8") as file:
            if "\nfunction filter(" in "\n" + file.read():
                equal(explained(w, path)["engine"], "kernel", path)


def test_bpf(w):
    w.write("g.lua", GOOD)
    output = w.run("compile", "g.lua")
    ends(output, 0, None, "")
    contains(output.out, "; g.lua:3: if pkt.dport == 23 then\n")
    contains(output.out, "exit\n")
    equal(w.run("compile", "g.lua", "--emit", "bpf", "--at", "native").out, output.out)


def test_ir(w):
    w.write("g.lua", GOOD)
    output = w.run("compile", "g.lua", "--emit", "ir", "--at", "tc:eth0:in")
    ends(output, 0, None, "")
    contains(output.out, "b0:\n")
    contains(output.out, "load32 ")


def test_compile_refuses(w):
    w.write("f.lua", FLOATS)
    output = w.run("compile", "f.lua")
    ends(output, 1, "")
    contains(output.err, "f.lua:2: error: the division / gives a floating-point number [float]\n  hint: ")
    w.write("w.lua", WRITES)
    output = w.run("compile", "w.lua", "--at", "netfilter:forward")
    ends(output, 1, "")
    contains(output.err, "[read-only-hook]")
    output = w.run("compile", "w.lua", "--emit", "asm")
    ends(output, 1, "")
    contains(output.err, "'asm' is neither ir nor bpf")


def test_foreign_bytes_stay_harmless(w):
    w.write("x.lua", b"function filter(hdr, pld)\n  return pld[0] == 1 -- \x1b[31m\xff\nend\n")
    for arguments in (["explain", "x.lua"], ["compile", "x.lua"]):
        output = w.run(*arguments)
        ends(output, 0, None, "")
        lacks(output.out, "\x1b")


def test_several_scripts(w):
    w.write("g.lua", GOOD)
    w.write("f.lua", FLOATS)
    w.write("bad.lua", "function filter() return os.time() end\n")
    output = w.run("explain", "g.lua", "f.lua")
    ends(output, 0, None, "")
    contains(output.out, "g.lua: engine: kernel (xdp, tc, netfilter, cgroup, iptables), native\n")
    contains(output.out, "\n\nf.lua: engine: lua, because it does not compile\n")
    output = w.run("explain", "g.lua", "f.lua", "--json")
    ends(output, 0, None, "")
    equal([(one["script"], one["engine"]) for one in output.lines()], [("g.lua", "kernel"), ("f.lua", "lua")])
    output = w.run("explain", "bad.lua", "g.lua")
    ends(output, 1)
    contains(output.err, "'os' is not available")
    contains(output.out, "g.lua: engine: kernel")
    ends(w.run("explain", "g.lua", "f.lua", "--at", "xdp"), 1)


def test_a_script_that_needs_frames(w):
    w.write("f.lua", "function filter(hdr, pld, pkt) return pkt.frame[0] ~= 1 end\n")
    output = w.run("explain", "f.lua")
    ends(output, 0, None, "")
    contains(output.out, "f.lua: engine: kernel (xdp, tc), native\n\nat netfilter, cgroup, iptables it can be loaded, but there are no frames")
    equal([hook.get("misses_frame", False) for hook in explained(w, "f.lua")["hooks"]], [False, False, True, True, True, False])
    contains(w.run("explain", "f.lua", "--at", "netfilter:input").out, "engine: none of those asked for, because it needs frames\n")
    w.write("n.lua", "function filter(hdr, pld, pkt) return pkt.dport ~= 1 end\n")
    lacks(w.run("explain", "n.lua").out, "frames")
