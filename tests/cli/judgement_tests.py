"""Every command gives the same judgement of the same script: what `check` calls an error, all refuse with status 1 and
the same words; what it calls a warning, or nothing, all take."""
import os
import subprocess

import captures
from harness import Failed, Output, contains, ends, equal

PLAIN = "function filter(hdr, pld, pkt) return pkt.dport ~= 23 end\n"

# Name, what it is, what check finds (codes of errors; none: the script is sound).
SCRIPTS = {
    "plain": (PLAIN, []),
    "warning": ("if DEBUG then log('x') end\n" + PLAIN, []),
    "made-by-name": ("_G['made'] = 1\nfunction filter() return made == 1 end\n", []),
    "made-at-packet-time": ("function filter() _G.made = 1 return made == 1 end\n", []),
    "made-by-metatable": ("setmetatable(_G, {__index = function() return 1 end})\nfunction filter() return unknown == 1 end\n", []),
    "own-environment": ("local _ENV = _ENV\nfunction filter() return true end\n", []),
    "removed": ("os = nil\nfunction filter() return os == nil end\n", []),
    "not-compiled": ("function filter(hdr, pld) return pld[0] / 2 == 1 end\n", []),
    "os": ("function filter() return os.date() == '' end\n", ["unknown-global"]),
    "io-in-a-branch": ("function filter(hdr, pld, pkt)\n  if pkt.dport == 9 then io.write('x') end\nend\n", ["unknown-global"]),
    "slip": ("function filter(hdr, pld) local n = #pld return m > 3 end\n", ["unknown-global"]),
    "slip-as-value": ("function filter(hdr, pld) return fasle end\n", ["unknown-global"]),
    "two-slips": ("function filter(hdr, pld)\n  if a then return b end\nend\n", ["unknown-global"] * 2),
    "slip-in-function": ("local function f(x) return g(x) end\nfunction filter() return f(1) end\n", ["unknown-global"]),
    "slip-never-called": ("local function f(x) return g(x) end\n" + PLAIN, ["unknown-global"]),
    "slip-in-module": ("local m = require 'wrong_module'\nfunction filter() return m.f() end\n", ["unknown-global"]),
    "required-by-expression": ("local m = require('wrong_' .. 'module')\nfunction filter() return m.f() end\n", ["unknown-global"]),
    "four-parameters": ("function filter(a, b, c, d) end\n", []),
    "no-entry-point": ("function filtre() end\n", ["no-entry-point"]),
    "local-entry-point": ("local function filter() end\n", ["no-entry-point"]),
    "not-a-function": ("filter = 3\n", ["no-entry-point"]),
    "syntax": ("function filter(\n", ["syntax"]),
    "empty": ("", ["no-entry-point"]),
    "missing-module": ("require 'nowhere'\n" + PLAIN, ["load-error"]),
    "forbidden-module": ("require 'io'\n" + PLAIN, ["load-error"]),
    "fails": ("local t = nil\nlocal n = t.field\n" + PLAIN, ["load-error"]),
    "fails-and-slips": ("function filter() return slip end\nerror('x')\n", ["unknown-global", "load-error"]),
    "bad-layout": ("local l = data.layout{len = {0, 8, 'junk'}}\n" + PLAIN, ["load-error"]),
    "maps-too-large": ("for i = 1, 40 do map.hash{name = 'm' .. i, key = 'u64', value = 'string:1000', size = 1000000} end\n" + PLAIN, ["load-error"]),
    "too-much-memory": ("local t = string.rep('x', 100000000)\n" + PLAIN, ["limit"]),
    "bytecode": (b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n", ["bytecode"]),
}
COMMANDS = {
    "run": ["run", "{}", "c.pcap", "--count"],
    "run native": ["run", "{}", "c.pcap", "--count", "--engine", "native"],
    "run lua": ["run", "{}", "c.pcap", "--count", "--engine", "lua"],
    "explain": ["explain", "{}"],
    "compile": ["compile", "{}"],
    "test": ["test", "one.test.lua"],
    "load": ["load", "judgement-never-loaded", "{}", "--at", "xdp:lo"],
    "run live": ["run", "{}", "--queue", "61234"],
}


def call(w, command, script):
    """Runs the command. `load` is only given scripts that it refuses; should it not, it is in a namespace of its own."""
    words = [word.format(script) for word in COMMANDS[command]]
    if command != "load" or os.geteuid() != 0:
        return w.run(*words)
    done = subprocess.run(["unshare", "--net", w.program, *words], cwd=w.folder, capture_output=True, timeout=120, env=w.environment())
    if done.returncode == 0:
        w.run("unload", words[1])
    return Output(done.returncode, done.stdout, done.stderr)


def findings(output):
    """The errors of a command's output, as 'file:line: error: message [code]'."""
    return [line for line in (output.out + output.err).splitlines() if ": error: " in line and line.endswith("]")]


def refuses(w, name, script, command, codes, said):
    output = call(w, command, script)
    if output.status != 1:
        raise Failed(f"{command} {name}: status {output.status}, check gives 1\n{output.out}{output.err}")
    told = [line.strip() for line in findings(output)]
    if [line.removeprefix("perilune: ") for line in told] != said:
        raise Failed(f"{command} {name}: says\n{told}\ncheck says\n{said}")


def accepts(w, name, script, command):
    output = call(w, command, script)
    codes = ("unknown-global", "entry-point", "no-entry-point", "load-error", "syntax", "limit")
    wrong = [line for line in findings(output) if any(line.endswith(f"[{code}]") for code in codes)]
    if wrong:
        raise Failed(f"{command} {name}: check finds no error, but {wrong}")


def test_all_commands_judge_alike(w):
    w.write("c.pcap", captures.pcap([captures.ethernet(captures.tcp(dport=23))]))
    w.write("wrong_module.lua", "local m = {}\nfunction m.f() return nothing_defines_it end\nreturn m\n")
    for name, (text, codes) in SCRIPTS.items():
        script = w.write("one.lua", text)
        w.write("one.test.lua", "return { {'one', packets = {packet.tcp{dport = 23}}, expect = {others = 'block', [1] = 'block'}} }\n")
        checked = w.run("check", script)
        said = findings(checked)
        equal([line.rsplit("[", 1)[1][:-1] for line in said], codes, f"what check finds in {name}")
        equal(checked.status, 1 if codes else 0, f"status of check {name}")
        for command in COMMANDS:
            if codes:
                refuses(w, name, script, command, codes, said)
            elif command not in ("run live", "load"):  # a sound script would begin to listen, or be loaded
                accepts(w, name, script, command)


def test_a_script_from_a_pipe_is_judged_too(w):
    for command in (["check", "/dev/stdin"], ["explain", "/dev/stdin"], ["compile", "/dev/stdin"]):
        output = w.run(*command, stdin=b"function filter() return os.date() end\n")
        ends(output, 1)
        contains(output.out + output.err, "'os' is not available in the sandbox")


def test_what_the_sandbox_leaves_out_is_named_by_all(w):
    w.write("c.pcap", captures.pcap([captures.ethernet(captures.tcp(dport=23))]))
    for name in ("io", "os", "debug", "package", "dofile", "loadfile", "load", "loadstring", "coroutine", "warn"):
        w.write("one.lua", f"function filter() return {name}.x end\n")
        for command in COMMANDS:
            if command != "test":
                output = call(w, command, "one.lua")
                ends(output, 1)
                contains(output.out + output.err, f"'{name}' is not available in the sandbox", command)


def test_the_budget_of_a_packet_in_the_kernel_has_a_limit(w):
    w.write("one.lua", PLAIN)
    for count in ("8000001", "1000G"):
        output = w.run("load", "judgement-never-loaded", "one.lua", "--at", "xdp:lo", "--instructions", count)
        ends(output, 1)
        contains(output.err, "for one packet, 8000000")


def test_tests_and_modules(w):
    w.write("lists.lua", "return {a = true}\n")
    w.write("one.lua", "local lists = require 'lists'\nfunction filter() return lists.a end\n")
    w.write("one.test.lua", "return { {'one', packets = {packet.tcp{}}, expect = {'pass'}} }\n")
    output = w.run("check", "lists.lua", "one.lua", "one.test.lua")
    ends(output, 0, "lists.lua: ok (a module: it returns a table)\none.lua: ok (engine: native)\n"
         "one.test.lua: ok (a test; run it: perilune test one.test.lua)\n", "")
    # Neither is a filter, and every other command says so.
    for command in ("run", "explain", "compile", "load"):
        for name, wanted in (("lists.lua", "is it a module"), ("one.test.lua", "perilune test one.test.lua")):
            output = call(w, command, name)
            ends(output, 1)
            contains(output.err, wanted)


def test_wrong_tests_and_modules(w):
    w.write("lists.lua", "local t = {}\nfunction t.f() return tabel.x end\nreturn t\n")
    output = w.run("check", "lists.lua")
    ends(output, 1)
    contains(output.out, "lists.lua:2: error: 'tabel' is read here")
    w.write("lists.lua", "local t = {}\n")
    contains(w.run("check", "lists.lua").out, "[no-entry-point]")
    for text, wanted in (("return { {'one', packets = {packet.tpc{}}, expect = {'pass'}} }\n", "one.test.lua"),
                         ("return { {'one', packets = {packet.tcp{}}, expct = {'pass'}} }\n", "did you mean 'expect'?"),
                         ("return { {'one', packets = {packet.tcp{}}, after = {[1] = function(h, p) return slip end}} }\n", "'slip' is read here"),
                         ("return 3\n", "a table of cases"), ("return {\n", "[syntax]")):
        w.write("one.lua", PLAIN)
        w.write("one.test.lua", text)
        output = w.run("check", "one.test.lua")
        ends(output, 1)
        contains(output.out, wanted)
        ends(w.run("test", "one.test.lua"), 1)


def test_a_module_of_a_folder_is_loaded_by_the_script_that_requires_it(w):
    w.write("lib/a.lua", "local b = require 'lib.b'\nreturn {b = b}\n")
    w.write("lib/b.lua", "return {1}\n")
    w.write("one.lua", "local a = require 'lib.a'\nfunction filter() return a.b[1] == 1 end\n")
    ends(w.run("check", "one.lua", "lib/a.lua", "lib/b.lua"), 0)
    ends(w.run("check", "lib/a.lua"), 1)


def test_the_corpus_of_the_engines_has_no_errors(w):
    """What the engines are compared by is sound: check calls nothing wrong that has a meaning."""
    folder = os.path.join(w.root, "tests", "parity", "scripts")
    files = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".lua"))
    equal(len(files) > 300, True, "scripts found")
    output = w.run("check", *files)
    ends(output, 0)


def test_all_our_own_files(w):
    folder = os.path.join(w.root, "examples")
    files = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".lua"))
    output = w.run("check", "--strict", *files)
    ends(output, 0)
    equal(output.out.count(": ok ("), len(files))
