"""`perilune check`."""
import json

from harness import Failed, contains, ends, equal, lacks

GOOD = "function filter(hdr, pld, pkt) return pkt.dport ~= 23 end\n"


def findings(w, *arguments):
    output = w.run("check", *arguments, "--json")
    return output.status, [(one["file"], one["line"], one["severity"], one["code"]) for one in output.lines()]


def test_a_good_script(w):
    w.write("ssh.lua", GOOD)
    ends(w.run("check", "ssh.lua"), 0, "ssh.lua: ok (engine: native)\n", "")
    equal(findings(w, "ssh.lua"), (0, []))


def test_the_engine_is_named(w):
    w.write("slow.lua", "function filter(hdr, pld) return pld[0] / 2 == 1 end\n")
    ends(w.run("check", "slow.lua"), 0, "slow.lua: ok (engine: lua; why: perilune explain slow.lua)\n", "")


def test_several_scripts(w):
    w.write("a.lua", GOOD)
    w.write("b.lua", "x =")
    output = w.run("check", "b.lua", "a.lua")
    ends(output, 1)
    contains(output.out, "b.lua:1: error: ")
    contains(output.out, "a.lua: ok (engine: native)\n")


def test_nothing_given(w):
    output = w.run("check")
    ends(output, 1, "")
    contains(output.err, "perilune check SCRIPT...")


def test_syntax(w):
    w.write("s.lua", "function filter(hdr, pld\n  return true\nend\n")
    ends(w.run("check", "s.lua"), 1, "s.lua:2: error: ')' expected near 'return' [syntax]\n", "")
    equal(findings(w, "s.lua"), (1, [("s.lua", 2, "error", "syntax")]))


def test_entry_point(w):
    w.write("missing.lua", "function filtre() end\n")
    w.write("number.lua", "filter = 3\n")
    w.write("four.lua", "\nfunction filter(a, b, c, d) end\n")
    w.write("vararg.lua", "function filter(...) end\n")
    equal(findings(w, "missing.lua"), (1, [("missing.lua", 0, "error", "no-entry-point")]))
    contains(w.run("check", "missing.lua").out, "did you mean 'filtre'?")
    equal(findings(w, "number.lua"), (1, [("number.lua", 0, "error", "no-entry-point")]))
    equal(findings(w, "four.lua"), (0, [("four.lua", 2, "warning", "entry-point")]))
    equal(findings(w, "four.lua", "--strict")[0], 1)
    contains(w.run("check", "four.lua").out, "'filter' declares 4 parameters, but it is called with 3")
    equal(findings(w, "vararg.lua"), (0, []))
    equal(findings(w, "missing.lua", "--function", "filtre"), (0, []))


def test_bad_layouts_name_the_field(w):
    w.write("l.lua", "local data = require 'data'\nlocal l = data.layout{ok = {0, 8}, len = {0, 8, 'junk'}}\n" + GOOD)
    equal(findings(w, "l.lua"), (1, [("l.lua", 2, "error", "load-error")]))
    contains(w.run("check", "l.lua").out, "'len'")


def test_unknown_globals(w):
    w.write("g.lua", "total = 0\nlocal offset = 4\nfunction filter(hdr, pld, pkt)\n  total = total + 1\n  if ofset then return fasle end\n"
                     "  return io.open('x')\nend\n")
    status, found = findings(w, "g.lua")
    equal((status, found), (1, [("g.lua", 5, "error", "unknown-global")] * 2 + [("g.lua", 6, "error", "unknown-global")]))
    output = w.run("check", "g.lua").out
    contains(output, "g.lua:5: error: 'ofset' is read here, but nothing defines it: it is nil [unknown-global]\n"
                     "  hint: did you mean 'offset'?\n")
    contains(output, "scripts cannot reach files")


def test_unknown_globals_at_load_are_warnings(w):
    w.write("w.lua", "if DEBUG then log('x') end\n" + GOOD)
    equal(findings(w, "w.lua"), (0, [("w.lua", 1, "warning", "unknown-global")]))
    equal(findings(w, "w.lua", "--strict")[0], 1)
    contains(w.run("check", "w.lua").out, "w.lua: ok (engine: native)")
    lacks(w.run("check", "w.lua", "--strict").out, "ok (engine")


def test_globals_made_in_other_ways_are_known(w):
    w.write("d.lua", "_G['made'] = 1\nfor _, n in ipairs{'a', 'b'} do _G[n] = n end\nfunction set() later = 1 end\n"
                     "function filter() set() return made == 1 and a ~= b and later end\n")
    equal(findings(w, "d.lua"), (0, []))


def test_everything_of_the_sandbox_is_known(w):
    w.write("s.lua", "local data, net = require 'data', require 'net'\nfunction filter(hdr, pld, pkt)\n"
                     "  local t = {string, table, math, utf8, map, log, time, random, print, pcall, tostring, ipairs, _VERSION}\n"
                     "  return true\nend\n")
    equal(findings(w, "s.lua"), (0, []))


def test_modules_are_searched_too(w):
    w.write("lib/names.lua", "local names = {}\nfunction names.known(x)\n  return tabel[x]\nend\nreturn names\n")
    w.write("m.lua", "local names = require 'lib.names'\nfunction filter() return names.known(1) end\n")
    status, found = findings(w, "m.lua")
    equal((status, len(found), found[0][1:]), (1, 1, (3, "error", "unknown-global")))
    contains(found[0][0], "lib/names.lua")
    contains(w.run("check", "m.lua").out, "did you mean 'table'?")


def test_a_missing_module(w):
    w.write("m.lua", "local x = require 'nowhere'\n" + GOOD)
    output = w.run("check", "m.lua")
    ends(output, 1)
    contains(output.out, "m.lua:1: error: ")
    contains(output.out, "nowhere")


def test_errors_while_loading(w):
    w.write("e.lua", "local t = nil\nlocal n = t.field\n" + GOOD)
    status, found = findings(w, "e.lua")
    equal((status, found), (1, [("e.lua", 2, "error", "load-error")]))


def test_endless_loading_is_stopped(w):
    w.write("loop.lua", "while true do end\n")
    status, found = findings(w, "loop.lua", "--load-instructions", "1M")
    equal((status, [one[3] for one in found]), (1, ["limit"]))


def test_bytecode_and_binary_files_are_refused(w):
    w.write("b.lua", b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08")
    equal(findings(w, "b.lua"), (1, [("b.lua", 0, "error", "bytecode")]))
    w.write("n.lua", bytes(range(256)) * 8)
    output = w.run("check", "n.lua")
    ends(output, 1)
    for character in output.out:
        if ord(character) < 32 and character != "\n":
            raise Failed(repr(output.out))


def test_no_such_file(w):
    equal(findings(w, "nosuch.lua"), (1, [("nosuch.lua", 0, "error", "cannot-read")]))
    equal(findings(w, ".")[1][0][3], "cannot-read")


def test_json_is_sound_whatever_the_script_says(w):
    w.write("x.lua", b"error('\xff\xfe\\0\"')\n")
    output = w.run("check", "x.lua", "--json")
    ends(output, 1)
    for line in output.out.splitlines():
        json.loads(line)


def test_the_examples_are_sound(w):
    import glob
    import os
    scripts = []
    for path in sorted(glob.glob(os.path.join(w.root, "examples", "*.lua"))):
        with open(path, encoding="utf-8") as file:
            if "\nfunction filter(" in "\n" + file.read():  # others are modules
                scripts.append(path)
    output = w.run("check", "--strict", *scripts)
    ends(output, 0)
    equal(output.out.count(": ok (engine: native)"), len(scripts))
