"""`perilune test`."""
import xml.etree.ElementTree as xml

from captures import ethernet, pcap, tcp, udp
from harness import Failed, contains, ends, equal, lacks

PORTS = """function filter(hdr, pld, pkt)
  if pkt.dport == 23 then return false end
  if pkt.dport == 9 then return 'reject' end
  return true
end
"""


def tested(w, test, script=PORTS, *more):
    w.write("t.lua", script)
    w.write("t.test.lua", test)
    return w.run("test", "t.test.lua", *more)


def passes(w, test, script=PORTS):
    output = tested(w, test, script)
    ends(output, 0, err="")
    lacks(output.out, "FAIL")


def fails(w, test, *parts, script=PORTS):
    output = tested(w, test, script)
    ends(output, 1)
    for part in parts:
        contains(output.out, part)
    contains(output.out, "0 passed, 1 failed")


def test_verdicts_of_built_packets(w):
    output = tested(w, "return {{'ports', packets = {packet.tcp{dport = 23}, packet.udp{dport = 9}, packet.tcp{}}, "
                       "expect = {'block', 'reject', 'pass'}}}")
    ends(output, 0, "ok    t.test.lua: ports\n1 passed, 0 failed\n", "")


def test_all_ways_to_expect_verdicts(w):
    many = "packets = {packet.tcp{dport = 23}, packet.tcp{dport = 80}, packet.tcp{dport = 80}}"
    for expect in ("{block = 1}", "{block = 1, pass = 2, reject = 0}", "{[1] = 'block', others = 'pass'}", "{[2] = 'pass'}"):
        passes(w, f"return {{{{{many}, expect = {expect}}}}}")
    passes(w, "return {{packets = {packet.tcp{}, packet.udp{}}, expect = 'pass'}}")
    passes(w, "return {{packets = packet.tcp{}, expect = 'pass'}}")


def test_differences_are_told_packet_by_packet(w):
    fails(w, "return {{'x', packets = {packet.tcp{dport = 23}, packet.tcp{dport = 80}}, expect = {'pass', 'pass'}}}",
          "FAIL  t.test.lua: x\n      packet 1 (192.0.2.1 port 40000 > 192.0.2.2 port 23 tcp): expected pass, got block (t.lua:2)\n")
    fails(w, "return {{packets = {packet.tcp{}}, expect = {'pass', 'pass'}}}", "packet 2: expected pass, but there is no such packet")
    fails(w, "return {{packets = {packet.tcp{}, packet.tcp{}}, expect = {'pass'}}}", "expected 1 verdicts, got 2 packets")
    fails(w, "return {{packets = {packet.tcp{}}, expect = {block = 3}}}", "expected 3 packets with block, got 0")


def test_captures(w):
    w.write("c.pcap", pcap([ethernet(tcp(dport=80)), ethernet(tcp(dport=23)), ethernet(udp(dport=9))]))
    passes(w, "return {{capture = 'c.pcap', expect = {'pass', 'block', 'reject'}}, "
              "{capture = 'c.pcap', filter = 'udp', expect = {[3] = 'reject'}}}")
    fails(w, "return {{capture = 'nosuch.pcap', expect = 'pass'}}", "nosuch.pcap")
    w.write("junk.pcap", b"junk")
    fails(w, "return {{capture = 'junk.pcap', expect = 'pass'}}", "junk.pcap")


def test_defaults_of_the_file(w):
    w.write("other.lua", "function mine() return false end\n")
    passes(w, "return {script = 'other.lua', options = {['function'] = 'mine'}, packets = packet.tcp{}, expect = 'block', {'a'}, {'b'}}")


def test_packets_after_modification(w):
    script = "function filter(hdr, pld, pkt)\n  if #pld > 0 then pld[0] = 65 end\n  hdr:layout(require_net.ipv4).ttl = 9\n  pkt.mark = 7\n  return true\nend\n"
    script = "require_net = require 'net'\n" + script
    packets = "packets = {packet.tcp{payload = 'hello'}, packet.udp{payload = 'x'}}"
    passes(w, f"return {{{{{packets}, after = {{[1] = {{payload = 'Aello', ttl = 9, mark = 7, modified = true, checksums = 'right', "
              "src = '192.0.2.1', dport = 80, protocol = 6}, [2] = {payload = 'A'}}}}", script)
    fails(w, f"return {{{{{packets}, after = {{[1] = {{payload = 'Hello', ttl = 64, mark = 8}}}}}}}}",
          "packet 1 after: payload differs\n", "0000 expected  48 65 6c 6c 6f", "0000 got       41 65 6c 6c 6f",
          "packet 1 after: ttl: expected 64, got 9", "packet 1 after: mark: expected 8, got 7", script=script)
    fails(w, f"return {{{{{packets}, after = {{[3] = {{ttl = 1}}}}}}}}", "after[3]: there is no such packet", script=script)


def test_functions_look_at_packets_after(w):
    script = "function filter(hdr, pld) pld[0] = 65 return true end\n"
    passes(w, "local net = require 'net'\nreturn {{packets = packet.udp{payload = 'hello', dport = 53}, after = {\n"
              "[1] = function(hdr, pld, pkt) assert(tostring(pld) == 'Aello') assert(pkt.dport == 53) "
              "assert(hdr:layout(net.ipv4).ttl == 64) end}}}", script)
    fails(w, "return {{packets = packet.udp{payload = 'hello'}, after = {\n[1] = function(hdr, pld)\n assert(#pld == 4, 'too long') end}}}",
          "packet 1 after: t.test.lua:3: too long", script=script)
    fails(w, "return {{packets = packet.udp{payload = 'x'}, after = {function() return false end}}}",
          "packet 1 after: the function returned false", script=script)


MAPS = """local seen = map.hash{name = 'seen', key = 'ip', value = 'u32', size = 16}
local total = map.counter{name = 'total'}
function filter(hdr, pld, pkt)
  seen:add(pkt.src, 1)
  total:add(1)
  return true
end
"""


def test_maps(w):
    packets = "packets = {packet.tcp{src = '10.0.0.1'}, packet.tcp{src = '10.0.0.1'}, packet.tcp{src = '10.0.0.9'}}"
    passes(w, f"return {{{{{packets}, maps = {{seen = {{['10.0.0.1'] = 2, ['10.0.0.9'] = 1}}, total = 3}}}}}}", MAPS)
    fails(w, f"return {{{{{packets}, maps = {{seen = {{['10.0.0.1'] = 1, ['10.0.0.2'] = 1}}, total = 4, sean = {{}}}}}}}}",
          "map seen[10.0.0.1]: expected 1, got 2", "map seen[10.0.0.2]: expected 1, got nothing",
          "map seen[10.0.0.9]: expected no entry, got 1", "map total: expected 4, got 3", "map sean: the script declares none", script=MAPS)


def test_logs(w):
    script = "function filter(hdr, pld, pkt)\n  log('port %d', pkt.dport)\n  return true\nend\n"
    packets = "packets = {packet.tcp{dport = 22}, packet.tcp{dport = 23}}"
    passes(w, f"return {{{{{packets}, logs = {{'port 22', {{text = 'port 23', packet = 2, line = 2}}}}}}}}", script)
    fails(w, f"return {{{{{packets}, logs = {{'port 21'}}}}}}", "log 1: expected 'port 21', got 'port 22'",
          "log 2: expected no more logs, got 'port 23' (packet 2)", script=script)
    fails(w, f"return {{{{{packets}, logs = {{'port 22', 'port 23', 'x'}}}}}}", "log 3: expected 'x', got no more logs", script=script)


def test_script_errors_fail_unless_expected(w):
    script = "function filter(hdr, pld, pkt)\n  return pkt.sport + nil\nend\n"
    fails(w, "return {{packets = packet.tcp{}, expect = 'block'}}", "script error at t.lua:2: ", "(1 packets, first packet 1)", script=script)
    passes(w, "return {{packets = packet.tcp{}, expect = 'block', errors = {'arithmetic on a nil'}}, "
              "{packets = packet.tcp{}, expect = 'pass', options = {on_error = 'pass'}, errors = {{line = 2, count = 1}}}}", script)
    fails(w, "return {{packets = packet.tcp{}, errors = {'something else'}}}",
          "expected the script error 'something else', got none like it", script=script)


def test_options(w):
    w.write("bad.test.lua", "return {{script = 't.lua', packets = packet.tcp{}, expect = 'pass', options = {on_eror = 'pass'}}}")
    w.write("t.lua", "function filter() end\n")
    output = w.run("test", "bad.test.lua")
    ends(output, 1)
    contains(output.out, "has an unknown field 'on_eror'")
    contains(output.out, "did you mean 'on_error'?")
    passes(w, "return {{packets = packet.tcp{}, expect = 'block', options = {default = 'block'}}, "
              "{packets = {packet.raw('xx')}, expect = 'block'}, "
              "{packets = {packet.raw('xx')}, expect = 'pass', options = {malformed = 'pass'}}}", "function filter() end\n")


def test_packets_of_every_kind(w):
    script = """function filter(hdr, pld, pkt)
  log('%s %s %s %s %s', pkt.version, pkt.protocol, #hdr, tostring(pld), pkt.direction)
  return true
end
"""
    passes(w, """return {{packets = {
      packet.tcp{payload = 'a', flags = 'SA', seq = 7, ack = 9, window = 1},
      packet.udp{src = '2001:db8::9', payload = 'b', direction = 'out'},
      packet.icmp{payload = 'c'}, packet.icmp{dst = '2001:db8::9', payload = 'd'}, packet.icmpv6{payload = 'e'},
      packet.ip{protocol = 47, payload = 'f'}, packet.udp{vlan = {5, 6}, payload = 'g'},
      packet.udp{ethernet = false, payload = 'h', interface = 'x', mark = 3, time = 5.5},
      packet.icmp{type = 3, code = 1, payload = packet.udp{payload = 'quoted', vlan = 1}},
      packet.tcp{options = '\\1\\1\\1\\1', tcp_options = '\\1\\1\\1\\1', payload = 'i'},
      packet.udp{payload = 'cut off here', snap = 46},
      }, logs = {'4 6 40 a in', '6 17 48 b out', '4 1 28 c in', '6 58 48 d in', '6 58 48 e in', '4 47 20 f in', '4 17 28 g in', '4 17 28 h in',
      {packet = 9}, '4 6 48 i in', '4 17 28 cut  in'}}}""".replace("cut  in", "cut  in"), script)


def test_text_is_compared_as_the_script_gave_it(w):
    script = """local seen = map.hash{name = 'seen', key = 'string:8', value = 'string:8', size = 20}
function filter(hdr, pld)
  local s = tostring(pld)
  log('%s', s)
  seen[s] = s
  if s == 'fail' then error('a\\tb\\0c') end
end
"""
    for other in ("", "  local half = #pld / 2\n"):  # compiled, and run by the lua engine
        w.write("b.lua", script.replace("  local s", other + "  local s"))
        passes(w, """local odd = {'a\\t1', 'a\\n1', 'a\\0b', '\\xff\\xfe', '\\xc3\\xa4', 'a\\\\b', '\\x1b[0m', '\\\\x00', '', ' '}
local packets, map = {}, {}
for i, s in ipairs(odd) do packets[i] = packet.ip{payload = s} map[s] = s end
return { {'odd', script = 'b.lua', packets = packets, logs = odd, maps = {seen = map}},
  {'error', script = 'b.lua', packets = {packet.ip{payload = 'fail'}}, errors = {'a\\tb\\0c'}} }
""")
        for wrong in ("logs = {'a\\t2'}", "logs = {'a\\0'}", "maps = {seen = {['a\\t1'] = 'a\\t2'}}", "maps = {seen = {['a\\\\t1'] = 'a\\t1'}}"):
            output = tested(w, f"return {{ {{'wrong', script = 'b.lua', packets = {{packet.ip{{payload = 'a\\t1'}}}}, {wrong}}} }}")
            ends(output, 1)


def test_the_payload_of_packet_ip_follows_the_ip_header(w):
    # Whatever the protocol, and also when it is no sound transport header: the bytes are left alone.
    script = "function filter(hdr, pld) return true end\n"
    for source, header in (("192.0.2.1", 20), ("2001:db8::1", 40)):
        for protocol in (0, 1, 2, 6, 17, 43, 44, 47, 50, 58, 59, 132, 253, 255):
            for payload in ("", "x", "hello, world", "\\1\\2\\3\\4\\0\\9\\7\\7x", "('\\0'):rep(12) .. '\\x50' .. ('\\0'):rep(7) .. 'Q'"):
                text = payload if payload.startswith("(") else f"'{payload}'"
                passes(w, f"local p = {text}\nreturn {{ {{packets = {{packet.ip{{src = '{source}', protocol = {protocol}, payload = p}}}}, "
                          f"options = {{malformed = 'pass'}}, after = {{[1] = function(hdr, pld, pkt) "
                          f"assert(tostring(pkt.frame) == tostring(pkt.frame:segment(0, 14 + {header})) .. p) end}}}} }}", script)


def test_mistakes_in_packets_are_explained(w):
    for packet, part in [
        ("packet.tcp{dprot = 22}", "packet 1: packet.tcp has no field 'dprot'"),
        ("packet.tcp{dport = 70000}", "dport: expected an integer from 0 to 65535, got 70000"),
        ("packet.tcp{dport = '22'}", "dport: expected an integer from 0 to 65535, got the string '22'"),
        ("packet.tcp{flags = 'XY'}", "flags: expected letters of FSRPAUEC"),
        ("packet.udp{src = '1.2.3'}", "packet.udp: "),
        ("packet.udp{src = '1.2.3.4', dst = '::1'}", "packet.udp: "),
        ("packet.udp{time = -1}", "time: expected seconds above 0"),
        ("packet.udp{direction = 'up'}", "direction: expected 'in', 'out' or 'forward'"),
        ("packet.raw('x', 'token ring')", "link: expected 'ethernet'"),
        ("42", "packets must be a list of packets, not 42"),
        ("{{}}", "a table is no packet"),
    ]:
        output = tested(w, f"return {{{{packets = {packet}, expect = 'pass'}}}}")
        ends(output, 1)
        contains(output.out, part, packet)
    output = tested(w, "return {{packets = packet.hex('4 5 x'), expect = 'pass'}}")
    contains(output.out, "t.test.lua:1: error: packet.hex wants pairs of hexadecimal digits [load-error]")


def test_mistakes_in_test_files_are_explained(w):
    for test, part in [
        ("return 3", "a test file returns a table of cases, not 3"),
        ("return {}", "the table has no cases"),
        ("return {3}", "case 1 is 3, not a table"),
        ("return {{packets = packet.tcp{}}}", "case 1 ('case 1'): expects nothing"),
        ("return {{'n', expect = 'pass'}}", "case 1 ('n'): has nothing to judge"),
        ("return {{packets = packet.tcp{}, expct = 'pass'}}", "has an unknown field 'expct'"),
        ("return {{packets = packet.tcp{}, expect = 'maybe'}}", "expect: the string 'maybe' is no verdict"),
        ("return {{packets = packet.tcp{}, after = {[1] = {payloda = ''}}}}", "has an unknown field 'payloda'"),
        ("return {{packets = packet.tcp{}, expect = {pass = 'x'}}}", "expect.pass must be a count"),
        ("return {{packets = packet.tcp{}, expect = {[0] = 'pass'}}}", "packets are counted from 1"),
        ("return {{packets = packet.tcp{}, capture = 'x', expect = 'pass'}}", "has both packets and a capture"),
        ("local x = = 1", "t.test.lua:1: error: unexpected symbol near '='"),
        ("return {\n{", "t.test.lua:2: error: "),
        ("error('own fault')", "own fault"),
    ]:
        output = tested(w, test)
        ends(output, 1)
        contains(output.out, part, test)


def test_a_script_that_does_not_load_fails_its_cases(w):
    fails(w, "return {{packets = packet.tcp{}, expect = 'pass'}}", "t.lua:1: error: ", script="function (")


def test_modules_work_in_test_files(w):
    w.write("data_of_tests.lua", "return {port = 23}\n")
    passes(w, "local d = require 'data_of_tests'\nreturn {{packets = packet.tcp{dport = d.port}, expect = 'block'}}")


def test_folders_and_names(w):
    for name in ("a", "deep/er/b", ".hidden/c"):
        w.write(name + ".lua", PORTS)
        w.write(name + ".test.lua", "return {{'telnet', packets = packet.tcp{dport = 23}, expect = 'block'}, "
                                    "{'web', packets = packet.tcp{}, expect = 'pass'}}")
    output = w.run("test", ".")
    ends(output, 0)
    equal([line.split(":")[0] for line in output.out.splitlines()[:-1]], ["ok    ./a.test.lua"] * 2 + ["ok    ./deep/er/b.test.lua"] * 2)
    contains(output.out, "4 passed, 0 failed")
    contains(w.run("test", ".", "-k", "web").out, "2 passed, 0 failed")
    output = w.run("test", ".", "-k", "nothing")
    ends(output, 1)
    contains(output.err, "no case has 'nothing' in its name")
    w.write("empty/x.lua", "")
    output = w.run("test", "empty")
    ends(output, 1, "")
    contains(output.err, "no *.test.lua in empty or below")
    ends(w.run("test"), 1, "")
    ends(w.run("test", "nosuch.test.lua"), 1)


MIXED = "return {{'good', packets = packet.tcp{}, expect = 'pass'}, {'bad # <&\"', packets = packet.tcp{dport = 23}, expect = 'pass'}}"


def test_tap(w):
    output = tested(w, MIXED, PORTS, "--tap")
    ends(output, 1)
    lines = output.out.splitlines()
    equal(lines[:3], ["TAP version 13", "ok 1 - t.test.lua: good", "not ok 2 - t.test.lua: bad \\# <&\""])
    contains(lines[3], "# packet 1 (")
    equal(lines[4:], ["1..2", "# 1 passed, 1 failed"])


def test_junit(w):
    output = tested(w, MIXED, PORTS, "--junit", "r.xml")
    ends(output, 1)
    suite = xml.fromstring(w.read("r.xml")).find("testsuite")
    equal((suite.get("name"), suite.get("tests"), suite.get("failures")), ("t.test.lua", "2", "1"))
    cases = suite.findall("testcase")
    equal([case.get("name") for case in cases], ["good", 'bad # <&"'])
    contains(cases[1].find("failure").get("message"), "expected pass, got block")
    output = tested(w, MIXED, PORTS, "--junit", "no/such/r.xml")
    ends(output, 2)
    contains(output.err, "cannot write no/such/r.xml")
    output = tested(w, MIXED, PORTS, "--junit", "t.test.lua")
    ends(output, 1)
    contains(output.err, "t.test.lua is a Lua file: writing it would destroy it")
    equal(w.read("t.test.lua"), MIXED.encode())


def test_runs_give_the_same_result_every_time(w):
    script = "function filter() log('%d', random(1000000)) return true end\n"
    test = "return {{packets = {packet.tcp{}, packet.tcp{}}, logs = {'x', 'y'}}}"
    equal(tested(w, test, script).out, tested(w, test, script).out)


def test_the_examples_pass(w):
    import os
    output = w.run("test", os.path.join(w.root, "examples"))
    if output.status:
        raise Failed(output.out)
