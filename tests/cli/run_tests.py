"""`perilune run` over captures, and the command line as a whole."""
import json
import os
import signal
import struct
import subprocess

from captures import arp, checksum, ethernet, ipv4, pcap, read_pcapng, tcp, udp, read_comments
from harness import Failed, Skipped, contains, ends, equal, lacks

ALL_PASS = "function filter() return true end\n"
BANNERS = """function filter(hdr, pld)
  if tostring(pld):find('OpenSSH_6.4', 1, true) then
    return false
  end
  return true
end
"""


def frames():
    return [ethernet(tcp(b"SSH-2.0-OpenSSH_9.2\r\n")), ethernet(tcp(b"SSH-2.0-OpenSSH_6.4\r\n", sport=57189, src="192.0.2.7")),
            arp(), ethernet(udp(b"x"))]


def summary(output):
    return output.lines()[-1]["summary"]


def test_version_and_help(w):
    ends(w.run("--version"), 0, "perilune 0.1.0\n", "")
    for arguments in (["--help"], ["run", "--help"], ["check", "--help"], ["test", "-h"]):
        output = w.run(*arguments)
        ends(output, 0, err="")
        contains(output.out, "Usage: perilune")
        contains(output.out, "Exit status:")
        lacks(output.out, "\n\n\n")
    contains(w.run("run", "--help").out, "--queue N[-M]")


def test_mistyped_commands_and_options_are_explained(w):
    ends(w.run("rnu"), 1, "", "perilune: error: unknown command 'rnu'\n  hint: did you mean 'run'?\n")
    ends(w.run("x.lua"), 1, "",
         "perilune: error: unknown command 'x.lua'\n  hint: to judge packets with a script: perilune run x.lua CAPTURE\n")
    output = w.run("run", "a.lua", "b.pcap", "--cuont")
    ends(output, 1, "")
    contains(output.err, "unknown option '--cuont'\n  hint: did you mean '--count'?")
    output = w.run("--verison")
    ends(output, 1, "")
    contains(output.err, "did you mean '--version'?")
    output = w.run()
    ends(output, 1, "")
    contains(output.err, "Usage: perilune COMMAND")


def test_options_that_do_not_go_together(w):
    for arguments, message in [
        ([], "no script given"),
        (["s.lua"], "nothing to judge with 's.lua'"),
        (["s.lua", ""], "the name of a capture is empty"),
        (["s.lua", "--divert", ""], "--divert is given, but empty"),
        (["s.lua", "--queue", ""], "--queue is given, but empty"),
        (["s.lua", "c.pcap", "--queue", "0"], "'c.pcap' is a capture, but --queue asks for live traffic"),
        (["s.lua", "c.pcap", "--divert", "in"], "'c.pcap' is a capture, but --divert asks for live traffic"),
        (["s.lua", "--queue", "0", "-w", "x"], "-w is for captures, not for live traffic"),
        (["s.lua", "--queue", "0", "-f", "tcp"], "-f is for captures, not for live traffic"),
        (["s.lua", "c.pcap", "--fail-open"], "--fail-open is for live traffic"),
        (["s.lua", "c.pcap", "--blocked"], "--blocked says what -w writes, but there is no -w"),
        (["s.lua", "c.pcap", "--all", "--count"], "--all and --count contradict each other"),
        (["s.lua", "--undivert"], "--undivert removes rules and ends"),
        (["s.lua", "--queue", "3-1"], "--queue: '3-1' is not a queue number or a range"),
        (["s.lua", "--queue", "65536"], "--queue: '65536' is not a queue number or a range"),
        (["s.lua", "--queue", "0-9999"], "at most 256 are sensible"),
        (["s.lua", "--divert", "sideways tcp"], "--divert: "),
        (["s.lua", "c.pcap", "--memory", "0"], "--memory: '0' must be above zero"),
        (["s.lua", "c.pcap", "--memory", "12X"], "--memory: '12X' has an unknown unit"),
        (["s.lua", "c.pcap", "--memory", "99999999999G"], "--memory: '99999999999G' is too large"),
        (["s.lua", "c.pcap", "--instructions", "-5"], "--instructions: '-5' is not a number above zero"),
        (["s.lua", "c.pcap", "--malformed", "pas"], "'pas' is not one of pass|block (did you mean 'pass'?)"),
        (["s.lua", "c.pcap", "--engine", "gpu"], "'gpu' is not one of auto|kernel|native|lua"),
        (["s.lua", "c.pcap", "--seed", "x"], "--seed"),
        (["s.lua", "c.pcap", "--seed", "99999999999999999999"], "is not a whole number"),
    ]:
        output = w.run("run", *arguments)
        ends(output, 1, "")
        contains(output.err, message, " ".join(arguments))


def test_text_output(w):
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))
    output = w.run("run", "ssh.lua", "c.pcap")
    ends(output, 0, err="")
    lines = output.out.splitlines()
    equal(lines[0], "packet 2       block   192.0.2.7:57189 > 192.0.2.2:22 tcp  ssh.lua:3")
    if not lines[1].startswith("packets     4 in "):
        raise Failed(lines[1])
    equal(lines[2:5], ["passed      3", "blocked     1", "not IP      1"])
    contains(lines[5], "engine      native (")
    contains(w.run("run", "ssh.lua", "c.pcap", "--engine", "lua").out, "engine      lua")
    lacks(output.out, "\x1b")


def test_all_and_count(w):
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))
    lines = w.run("run", "ssh.lua", "c.pcap", "--all").out.splitlines()
    equal(lines[0], "packet 1       pass    192.0.2.1:40000 > 192.0.2.2:22 tcp  ssh.lua:5")
    equal(lines[2], "packet 3       pass    arp  not IP")
    equal(lines[3], "packet 4       pass    192.0.2.1:40000 > 192.0.2.2:53 udp  ssh.lua:5")
    output = w.run("run", "ssh.lua", "c.pcap", "--count")
    if not output.out.startswith("packets     4 in "):
        raise Failed(output.out)
    lines = w.run("run", "ssh.lua", "c.pcap", "--count", "--json").lines()
    equal(len(lines), 1)


def test_json_lines(w):
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))
    output = w.run("run", "ssh.lua", "c.pcap", "--json")
    ends(output, 0, err="")
    lines = output.lines()
    equal(len(lines), 5)
    equal(lines[1], {"packet": 2, "verdict": "block", "file": "c.pcap", "time": "1600000001.250000000", "line": 3,
                     "cause": "script", "src": "192.0.2.7", "dst": "192.0.2.2", "sport": 57189, "dport": 22, "protocol": "tcp",
                     "length": 75, "direction": "in"})
    equal(lines[2]["cause"], "not-ip")
    equal({key: lines[4]["summary"][key] for key in ("packets", "passed", "blocked", "not_ip", "engine", "interrupted")},
          {"packets": 4, "passed": 3, "blocked": 1, "not_ip": 1, "engine": "native", "interrupted": False})


def test_several_files_are_named(w):
    w.write("ssh.lua", BANNERS)
    w.write("a.pcap", pcap(frames()))
    w.write("b.pcap", pcap(frames()))
    lines = w.run("run", "ssh.lua", "a.pcap", "b.pcap").out.splitlines()
    if not (lines[0].startswith("a.pcap  packet 2 ") and lines[1].startswith("b.pcap  packet 2 ")):
        raise Failed("\n".join(lines))
    w.write("log.lua", "function filter(hdr, pld, pkt) log('n %d', pkt.number) end\n")
    lines = [line for line in w.run("run", "log.lua", "a.pcap", "b.pcap", "--json").lines() if "log" in line]
    equal([(line["log"]["file"], line["log"]["packet"]) for line in lines],
          [(name, number) for name in ("a.pcap", "b.pcap") for number in (1, 2, 4)])


def test_standard_input(w):
    w.write("ssh.lua", BANNERS)
    output = w.run("run", "ssh.lua", "-", "--json", stdin=pcap(frames()))
    ends(output, 0)
    equal(output.lines()[0]["file"], "-")
    equal(summary(output)["packets"], 4)


def test_packets_from_standard_input_show_at_once(w):
    w.write("ssh.lua", BANNERS)
    process = w.start("run", "ssh.lua", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(pcap(frames()[:2]))
    process.stdin.flush()
    line = process.stdout.readline()
    contains(line.decode(), "packet 2       block")
    process.stdin.close()
    equal(process.wait(timeout=60), 0)
    process.stdout.close()


def test_log_lines(w):
    w.write("l.lua", "function filter(hdr, pld)\n  log('bytes \\xff\\27[31m \\u{202e}%s', 'x\\ny')\n  return true\nend\n")
    w.write("c.pcap", pcap(frames()[:1]))
    output = w.run("run", "l.lua", "c.pcap")
    equal(output.out.splitlines()[0], r"packet 1       log     l.lua:2  bytes \xff\x1b[31m \u{202e}x\ny")
    event = w.run("run", "l.lua", "c.pcap", "--json").lines()[0]["log"]
    equal(event, {"packet": 1, "file": "c.pcap", "script": "l.lua", "line": 2,
                  "text": "bytes \\xff\\x1b[31m \u202ex\\ny"})


def test_log_while_loading(w):
    w.write("l.lua", "log('hello')\n" + ALL_PASS)
    w.write("c.pcap", pcap(frames()[:1]))
    equal(w.run("run", "l.lua", "c.pcap").out.splitlines()[0], "loading        log     l.lua:1  hello")


def test_script_errors_once_per_place(w):
    w.write("e.lua", "function filter(hdr, pld, pkt)\n  if pkt.dport == 53 then return nil + 1 end\n  return pkt.nothing.at.all\nend\n")
    w.write("c.pcap", pcap([ethernet(tcp(b"a"))] * 5 + [ethernet(udp(b"b"))] * 3))
    for engine in ("native", "lua"):
        output = w.run("run", "e.lua", "c.pcap", "--engine", engine)
        ends(output, 0)
        equal(output.err.count("script error:"), 2, "errors told")
        contains(output.err, "e.lua:3: script error: ")
        contains(output.err, "(packet 1)")
        contains(output.out, "errors      8 packets\n")
        contains(output.out, "  5x  e.lua:3: ")
        contains(output.out, "  3x  e.lua:2: ")
        contains(output.out, "blocked     8")
    contains(output.err, "stack traceback")
    lines = w.run("run", "e.lua", "c.pcap", "--json").lines()
    equal([line["error"]["line"] for line in lines if "error" in line], [3, 2])
    equal([(e["line"], e["count"], e["first_packet"]) for e in lines[-1]["summary"]["errors"]], [(2, 3, 6), (3, 5, 1)])
    equal(summary(w.run("run", "e.lua", "c.pcap", "--json", "--on-error", "pass"))["passed"], 8)


def test_wrong_results_are_script_errors(w):
    w.write("e.lua", "function filter() return 'maybe' end\n")
    w.write("c.pcap", pcap(frames()[:1]))
    output = w.run("run", "e.lua", "c.pcap")
    ends(output, 0)
    contains(output.err, "maybe")


def test_bad_scripts(w):
    w.write("c.pcap", pcap(frames()))
    w.write("syntax.lua", "function filter(\n  return\nend\n")
    output = w.run("run", "syntax.lua", "c.pcap")
    ends(output, 1, "")
    contains(output.err, "syntax.lua:2: error: ")
    contains(output.err, "[syntax]")
    w.write("none.lua", "local x = 1\n")
    output = w.run("run", "none.lua", "c.pcap")
    ends(output, 1, "")
    contains(output.err, "none.lua: error: the script defines no global function 'filter' [no-entry-point]")
    output = w.run("run", "missing.lua", "c.pcap")
    ends(output, 1, "")
    contains(output.err, "missing.lua: error: cannot open the script: No such file or directory [cannot-read]")


def test_function_option(w):
    w.write("s.lua", "function mine() return false end\n")
    w.write("c.pcap", pcap(frames()))
    equal(summary(w.run("run", "s.lua", "c.pcap", "--json", "--function", "mine"))["blocked"], 3)


def test_engines(w):
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap(frames()))
    output = w.run("run", "s.lua", "c.pcap", "--engine", "kernel")
    ends(output, 2, "")
    contains(output.err, "the engine 'kernel' judges no packets in this process")
    contains(output.err, "perilune load")
    for engine in ("auto", "native", "lua"):
        ends(w.run("run", "s.lua", "c.pcap", "--engine", engine), 0)


def test_default_and_non_ip(w):
    w.write("s.lua", "function filter() end\n")
    w.write("c.pcap", pcap(frames()))
    equal(summary(w.run("run", "s.lua", "c.pcap", "--json"))["passed"], 4)
    output = w.run("run", "s.lua", "c.pcap", "--json", "--default", "block")
    equal([line["verdict"] for line in output.lines()[:-1]], ["block", "block", "pass", "block"])
    output = w.run("run", "s.lua", "c.pcap", "--json", "--non-ip", "block")
    equal(output.lines()[2]["verdict"], "block")
    w.write("ask.lua", "function filter(hdr, pld, pkt) return pkt.version ~= nil end\n")
    equal(w.run("run", "ask.lua", "c.pcap", "--json", "--non-ip", "ask").lines()[2]["cause"], "script")


def test_malformed(w):
    broken = ethernet(ipv4(b"short", 6))
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap([broken, ethernet(ipv4(b"x" * 20, 17, length=500))]))
    output = w.run("run", "s.lua", "c.pcap")
    contains(output.out, "malformed: tcp-header")
    contains(output.out, "malformed   2: ip-length 1, tcp-header 1")
    lines = w.run("run", "s.lua", "c.pcap", "--json").lines()
    equal((lines[0]["verdict"], lines[0]["cause"], lines[0]["malformed"]), ("block", "malformed", "tcp-header"))
    equal(lines[-1]["summary"]["malformed"], {"ip-length": 1, "tcp-header": 1})
    equal(summary(w.run("run", "s.lua", "c.pcap", "--json", "--malformed", "pass"))["passed"], 2)


def test_truncated_is_not_malformed(w):
    w.write("s.lua", "function filter(hdr, pld, pkt) return pkt.truncated end\n")
    w.write("c.pcap", pcap([ethernet(tcp(b"x" * 100))], snap=80))
    output = w.run("run", "s.lua", "c.pcap", "--json")
    equal((summary(output)["truncated"], summary(output)["passed"]), (1, 1))


def test_capture_filter(w):
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap(frames()))
    output = w.run("run", "s.lua", "c.pcap", "--json", "-f", "udp port 53")
    equal([line.get("packet") for line in output.lines()], [4, None])
    output = w.run("run", "s.lua", "c.pcap", "-f", "prot tcp")
    ends(output, 1)
    contains(output.err, "prot tcp")


def test_interface_and_direction(w):
    w.write("s.lua", "function filter(hdr, pld, pkt) log('%s %s', pkt.interface, pkt.direction) end\n")
    w.write("c.pcap", pcap(frames()[:1]))
    equal(w.run("run", "s.lua", "c.pcap", "--json").lines()[0]["log"]["text"], "nil in")
    output = w.run("run", "s.lua", "c.pcap", "--json", "--interface", "wan0", "--direction", "out")
    equal(output.lines()[0]["log"]["text"], "wan0 out")
    equal((output.lines()[1]["interface"], output.lines()[1]["direction"]), ("wan0", "out"))


def test_broken_captures(w):
    w.write("ssh.lua", BANNERS)
    whole = pcap(frames())
    w.write("cut.pcap", whole[:-10])
    w.write("ok.pcap", whole)
    output = w.run("run", "ssh.lua", "cut.pcap", "ok.pcap", "--json")
    ends(output, 1)
    equal(summary(output)["packets"], 7)
    contains(output.err, "cut.pcap")
    equal([line["error"]["kind"] for line in output.lines() if "error" in line], ["capture"])
    w.write("junk.pcap", b"this is no capture at all, it is text")
    output = w.run("run", "ssh.lua", "junk.pcap")
    ends(output, 1)
    contains(output.err, "junk.pcap")
    output = w.run("run", "ssh.lua", "nosuch.pcap")
    ends(output, 1)
    contains(output.err, "cannot open nosuch.pcap: No such file or directory")
    w.write("empty.pcap", b"")
    ends(w.run("run", "ssh.lua", "empty.pcap"), 1)


def test_write_pcapng(w):
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))
    ends(w.run("run", "ssh.lua", "c.pcap", "-w", "all.pcapng"), 0)
    equal([comment for _, comment in read_pcapng(w.read("all.pcapng"))],
          ["perilune: pass (ssh.lua:5)", "perilune: block (ssh.lua:3)", "perilune: pass (not IP)", "perilune: pass (ssh.lua:5)"])
    equal([body for body, _ in read_pcapng(w.read("all.pcapng"))], frames())
    ends(w.run("run", "ssh.lua", "c.pcap", "-w", "b.pcapng", "--blocked"), 0)
    equal([body for body, _ in read_pcapng(w.read("b.pcapng"))], frames()[1:2])
    ends(w.run("run", "ssh.lua", "c.pcap", "-w", "p.pcapng", "--passed", "--count"), 0)
    equal(len(read_pcapng(w.read("p.pcapng"))), 3)
    equal(summary(w.run("run", "ssh.lua", "all.pcapng", "--json"))["packets"], 4)


def test_write_refuses_its_own_input(w):
    w.write("ssh.lua", BANNERS)
    before = pcap(frames())
    w.write("c.pcap", before)
    os.symlink("c.pcap", w.path("same.pcap"))
    for target in ("c.pcap", "same.pcap"):
        output = w.run("run", "ssh.lua", "c.pcap", "-w", target)
        if output.status not in (1, 2) or w.read("c.pcap") != before:
            raise Failed(f"{target}: status {output.status}, {output.err}")
    ends(w.run("run", "ssh.lua", "c.pcap", "-w", "no/such/folder.pcapng"), 1)
    w.write("module.lua", "return {}")
    os.symlink("ssh.lua", w.path("link"))
    for target in ("ssh.lua", "link", "./ssh.lua", "module.lua"):
        output = w.run("run", "ssh.lua", "c.pcap", "-w", target)
        ends(output, 1)
        contains(output.err, "writing it would destroy it")
    equal((w.read("ssh.lua"), w.read("module.lua")), (BANNERS.encode(), b"return {}"))


def test_write_to_standard_output(w):
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))
    done = subprocess.run([w.program, "run", "ssh.lua", "c.pcap", "-w", "-", "--blocked"], cwd=w.folder, capture_output=True,
                          timeout=60)
    equal([body for body, _ in read_pcapng(done.stdout)], frames()[1:2])
    contains(done.stderr.decode(), "blocked     1")


def test_modified_packets_are_written_as_modified(w):
    w.write("m.lua", "function filter(hdr, pld) if #pld > 0 then pld[0] = 65 end return true end\n")
    w.write("c.pcap", pcap(frames()[:1]))
    output = w.run("run", "m.lua", "c.pcap", "--json", "-w", "m.pcapng")
    ends(output, 0)
    equal(output.lines()[0]["modified"], True)
    body, comment = read_pcapng(w.read("m.pcapng"))[0]
    equal(comment, "perilune: pass (m.lua:1), modified")
    equal(body[54:], b"ASH-2.0-OpenSSH_9.2\r\n")
    segment = body[34:]
    equal(checksum(body[26:34] + struct.pack(">BBH", 0, 6, len(segment)) + segment), 0, "TCP checksum")


def test_named_verdicts(w):
    w.write("v.lua", "local n, v = 0, {'reject', 'reply', 'block', 'pass'}\nfunction filter(hdr, pld) n = n + 1 return v[n] end\n")
    w.write("c.pcap", pcap([ethernet(udp(b"x"))] * 4))
    output = w.run("run", "v.lua", "c.pcap", "--json")
    equal([line.get("verdict") for line in output.lines()[:-1]], ["reject", "reply", "block", "pass"])
    equal({key: summary(output)[key] for key in ("rejected", "replied", "blocked", "passed")},
          {"rejected": 1, "replied": 1, "blocked": 1, "passed": 1})
    contains(w.run("run", "v.lua", "c.pcap").out, "rejected    1\nreplied     1\n")


def test_names_from_outside_are_made_harmless(w):
    name = "c\x1b[31m\n.pcap"
    w.write("ssh.lua", BANNERS)
    w.write(name, pcap(frames()))
    output = w.run("run", "ssh.lua", name, name)
    lacks(output.out, "\x1b")
    contains(output.out, "c\\x1b[31m\\n.pcap  packet 2 ")
    equal(w.run("run", "ssh.lua", name, "--json").lines()[0]["file"], name)
    output = w.run("run", "ssh.lua", "no\x1b]0;such.pcap")
    lacks(output.err, "\x1b")


def test_limits(w):
    w.write("loop.lua", "function filter() while true do end end\n")
    w.write("c.pcap", pcap(frames()[:2]))
    output = w.run("run", "loop.lua", "c.pcap", "--instructions", "10k")
    ends(output, 0)
    contains(output.err, "loop.lua:1: script error: ")
    contains(output.err, "10000 instructions")
    contains(output.out, "  2x  loop.lua:1: ")
    w.write("grow.lua", "local t = {}\nfunction filter() for i = 1, 1e9 do t[i] = i end end\n")
    output = w.run("run", "grow.lua", "c.pcap", "--memory", "4M", "--instructions", "1G", "--time-limit", "20000")
    ends(output, 0)
    contains(output.err, "not enough memory")
    w.write("load.lua", "while true do end\n")
    output = w.run("run", "load.lua", "c.pcap", "--load-instructions", "100k")
    ends(output, 1, "")
    contains(output.err, "[limit]")


def test_seed_makes_runs_alike(w):
    w.write("r.lua", "function filter() log('%d', random(1000000)) return true end\n")
    w.write("c.pcap", pcap(frames()[:2]))
    logs = lambda *more: [line["log"]["text"] for line in w.run("run", "r.lua", "c.pcap", "--json", *more).lines() if "log" in line]
    equal(logs("--seed", "7"), logs("--seed", "7"))
    if logs("--seed", "7") == logs("--seed", "8"):
        raise Failed("two seeds, the same numbers")


def test_a_reader_that_goes_away_ends_the_run_quietly(w):
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap([ethernet(udp(b"x" * 50))] * 50_000))
    process = w.start("run", "s.lua", "c.pcap", "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    equal((process.wait(timeout=60), error), (0, b""))


def test_a_full_disk_is_told(w):
    if not os.path.exists("/dev/full"):
        raise Skipped("this system has no /dev/full")
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap(frames()))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([w.program, "run", "s.lua", "c.pcap", "--all"], cwd=w.folder, stdout=full, stderr=subprocess.PIPE,
                              timeout=60)
    equal(done.returncode, 2)
    contains(done.stderr.decode(), "cannot write to standard output: No space left on device (ENOSPC)")
    done = subprocess.run([w.program, "run", "s.lua", "c.pcap", "-w", "/dev/full"], cwd=w.folder, capture_output=True, timeout=60)
    equal(done.returncode, 2)
    contains(done.stderr.decode(), "ENOSPC")


def test_a_file_that_may_not_grow_is_told(w):
    """A limit on file sizes fails like a full disk, it does not kill."""
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap([ethernet(udp(b"x" * 1400))] * 2000))
    for command in ("run s.lua c.pcap -w out.pcapng", "run s.lua c.pcap --all > out.txt"):
        done = subprocess.run(["sh", "-c", f'ulimit -f 8; "$0" {command}', w.program], cwd=w.folder, capture_output=True, timeout=60)
        equal(done.returncode, 2, command)
        contains(done.stderr.decode(), "EFBIG", command)


def test_closed_standard_input_is_called_so(w):
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap(frames()))
    done = subprocess.run(["sh", "-c", '"$0" run s.lua - <&-', w.program], cwd=w.folder, capture_output=True, timeout=60)
    equal((done.returncode, done.stdout), (1, b""))
    contains(done.stderr.decode(), "standard input is closed")
    done = subprocess.run(["sh", "-c", '"$0" run s.lua c.pcap --count <&-', w.program], cwd=w.folder, capture_output=True, timeout=60)
    equal(done.returncode, 0, "where standard input is not asked for")


def test_a_shortage_of_memory_is_called_so(w):
    """With less and less of it every command still ends with a status of its own and says why."""
    if "ASAN" in os.environ.get("PERILUNE_CLI_BUILD", ""):
        raise Skipped("the sanitizers map terabytes")
    w.write("s.lua", "local t = {} for i = 1, 2000 do t[i] = 'x' .. i end\nfunction filter(hdr, pld) return not (pld and pld:find('abc')) end\n")
    w.write("c.pcap", pcap(frames()))
    short = 0
    for command in ("run s.lua c.pcap", "run s.lua c.pcap --engine lua", "check s.lua", "explain s.lua", "compile s.lua"):
        for size in range(14_000, 24_000, 500):
            done = subprocess.run(["sh", "-c", f'ulimit -v {size}; exec "$0" {command}', w.program], cwd=w.folder, capture_output=True,
                                  timeout=120)
            said = done.stderr.decode()
            if done.returncode == 127 and "shared librar" in said:
                continue
            if done.returncode not in (0, 1, 2) or "terminate called" in said:
                raise Failed(f"{command} with {size} KB: exit status {done.returncode}: {said}")
            if done.returncode != 0:
                short += 1
                contains(said.lower(), "memory", f"{command} with {size} KB")
    if short < 5:
        raise Failed(f"memory was short only {short} times")


def test_interruption_ends_with_the_summary(w):
    w.write("s.lua", ALL_PASS)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = w.start("run", "s.lua", "-", "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(pcap(frames()))
        process.stdin.flush()
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(number)
        process.send_signal(number)  # as timeout(1) does
        last = json.loads(process.stdout.read().splitlines()[-1])
        equal((last["summary"]["interrupted"], last["summary"]["packets"]), (True, 4))
        equal(process.stderr.read(), b"")
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        equal(process.wait(timeout=60), 128 + number)


def test_memory_stays_constant(w):
    """A capture of 60 MB in a process that may map 400 MB."""
    w.write("s.lua", ALL_PASS)
    w.write("c.pcap", pcap([ethernet(udp(b"x" * 1400))] * 42_000))
    if "ASAN" in os.environ.get("PERILUNE_CLI_BUILD", ""):
        raise Skipped("the sanitizers map terabytes")
    done = subprocess.run(["sh", "-c", 'ulimit -v 400000 && exec "$0" run s.lua c.pcap --count --json', w.program], cwd=w.folder,
                          capture_output=True, timeout=120)
    equal(json.loads(done.stdout)["summary"]["packets"], 42_000)


def test_no_colours_without_a_terminal_and_colours_with_one(w):
    import pty
    w.write("ssh.lua", BANNERS)
    w.write("c.pcap", pcap(frames()))

    def on_terminal(**environment):
        outer, inner = pty.openpty()
        process = subprocess.Popen([w.program, "run", "ssh.lua", "c.pcap"], cwd=w.folder, stdout=inner, stderr=inner,
                                   env=w.environment(**environment))
        os.close(inner)
        text = b""
        while True:
            try:
                piece = os.read(outer, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(outer)
        equal(process.wait(timeout=60), 0)
        return text.decode()

    contains(on_terminal(), "\x1b[31mblock ")
    lacks(on_terminal(NO_COLOR="1"), "\x1b")
    lacks(on_terminal(TERM="dumb"), "\x1b")


def test_queue_without_privileges_names_what_is_missing(w):
    w.write("s.lua", ALL_PASS)
    if os.geteuid() == 0:
        setpriv = subprocess.run(["sh", "-c", "command -v setpriv"], capture_output=True).stdout.strip()
        if not setpriv:
            raise Skipped("no setpriv to drop privileges with")
        os.chmod(w.folder, 0o755)
        command = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs", "--bounding-set", "-all",
                   "--inh-caps", "-all"]
        if not os.access(w.program, os.R_OK) or subprocess.run([*command, w.program, "--version"], capture_output=True).returncode:
            raise Skipped("the program is in a folder that others cannot read")
    else:
        command = []
    done = subprocess.run([*command, w.program, "run", "s.lua", "--queue", "4711"], cwd=w.folder, capture_output=True, timeout=60)
    equal(done.returncode, 2)
    contains(done.stderr.decode(), "CAP_NET_ADMIN")


def test_written_captures_keep_their_comments(w):
    w.write("b.lua", "function filter(hdr, pld, pkt) return pkt.dport ~= 23 end\n")
    w.write("c.pcap", pcap([ethernet(tcp(dport=23)), ethernet(tcp(dport=22))]))
    ends(w.run("run", "b.lua", "c.pcap", "-w", "once.pcapng", "--count"), 0)
    ends(w.run("run", "b.lua", "once.pcapng", "-w", "twice.pcapng", "--count"), 0)
    once = [comments for _, comments in read_comments(w.read("once.pcapng"))]
    equal(once, [["perilune: block (b.lua:1)"], ["perilune: pass (b.lua:1)"]])
    equal([comments for _, comments in read_comments(w.read("twice.pcapng"))], [comments * 2 for comments in once])
    ends(w.run("run", "b.lua", "twice.pcapng", "-f", "tcp port 22", "-w", "thrice.pcapng", "--count"), 0)
    equal([comments for _, comments in read_comments(w.read("thrice.pcapng"))], [once[1] * 3])
