"""How the program is built: what makes a mistake in it hard to use (readelf)."""
import os
import shutil
import subprocess
import time

from harness import Failed, Skipped, contains, equal


def readelf(w, *options):
    if shutil.which("readelf") is None:
        raise Skipped("readelf is missing (binutils)")
    return subprocess.run(["readelf", "--wide", *options, w.program], capture_output=True, text=True, check=True).stdout


def test_the_program_is_hardened(w):
    symbols = readelf(w, "--dyn-syms")
    if "__asan_" in symbols:
        raise Skipped("built with sanitizers, which check more")
    contains(readelf(w, "--file-header"), "DYN (Position-Independent Executable file)", "PIE")
    segments = readelf(w, "--program-headers")
    contains(segments, "GNU_RELRO", "RELRO")
    [stack] = [line for line in segments.splitlines() if "GNU_STACK" in line]
    equal("E" in stack.split()[-2], False, "the stack is executable")
    dynamic = readelf(w, "--dynamic")
    contains(dynamic, "BIND_NOW", "symbols are bound at start")
    contains(dynamic, "PIE", "PIE flag")
    contains(symbols, "__stack_chk_fail", "stack protector")
    checked = [name for name in ("__memcpy_chk", "__memmove_chk", "__memset_chk", "__read_chk", "__snprintf_chk", "__fprintf_chk", "__vsnprintf_chk", "__strcpy_chk")
               if name in symbols]
    equal(bool(checked), True, "functions of FORTIFY_SOURCE are used")


def status_of(process, condition):
    """/proc/PID/status once the condition holds."""
    for _ in range(1000):
        if process.poll() is not None:
            raise Failed(f"it ended with {process.returncode}: {process.communicate()}")
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            fields = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        if condition(fields):
            return fields
        time.sleep(0.01)
    raise Failed(f"waited in vain: {fields}")


READ_ALL_FILES = 1 << 2  # CAP_DAC_READ_SEARCH


def expect_confined(w, process, capabilities):
    if "__asan_" in readelf(w, "--dyn-syms"):
        raise Skipped("built with sanitizers, whose own calls would be forbidden")
    fields = status_of(process, lambda fields: fields["Seccomp"] == "2")
    equal(fields["NoNewPrivs"], "1", "NoNewPrivs")
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        equal(int(fields[name], 16) & ~capabilities, 0, name)


def test_judging_a_capture_needs_no_privileges(w):
    """While it waits for more of a capture: under seccomp, without capabilities."""
    w.write("pass.lua", "function filter() return true end\n")
    with open(os.path.join(w.root, "examples/captures/ssh.pcap"), "rb") as file:
        capture = file.read()
    for engine in ("native", "lua"):
        process = w.start("run", "--engine", engine, "pass.lua", "-", "--count", "-w", "out.pcapng", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
        try:
            expect_confined(w, process, 0)
            out, err = process.communicate(capture, timeout=60)
        finally:
            process.kill()
        equal((process.returncode, err), (0, b""), "exit status and errors")
        contains(out.decode(), "passed", "summary")


def test_captures_that_follow_are_opened(w):
    """Confined at the first one already; files in folders of others, through a filter that looks up names."""
    w.write("pass.lua", "function filter() return true end\n")
    capture = os.path.join(w.root, "examples/captures/ssh.pcap")
    os.mkfifo(w.path("first"))
    process = w.start("run", "pass.lua", "first", "nosuch.pcap", capture, capture, "--count", "-f", "tcp port ssh or not port domain",
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        with open(w.path("first"), "wb") as fifo:
            expect_confined(w, process, READ_ALL_FILES)
            with open(capture, "rb") as file:
                fifo.write(file.read())
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    equal(process.returncode, 1, "exit status, for the file that is not there")
    equal(err.decode().count("error"), 1, f"errors: {err.decode()}")
    alone = w.run("run", "pass.lua", capture, "--count").out
    one = int(alone.split("packets")[1].split()[0])
    equal(int(out.decode().split("packets")[1].split()[0]), 3 * one, "packets of three captures")


def test_scripts_are_checked_without_privileges(w):
    w.write("slow.lua", "local n = 0\nfor i = 1, 20000000 do n = n + i end\nfunction filter() return n > 0 end\n")
    w.write("slow.test.lua", "return { { 'slow', packets = { packet.tcp{} }, expect = { 'pass' } } }\n")
    for words in (["check", "slow.lua"], ["explain", "slow.lua"], ["test", "slow.test.lua", "--junit", "report.xml"]):
        process = w.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            expect_confined(w, process, READ_ALL_FILES)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        equal((process.returncode, err), (0, b""), f"exit status and errors of {words}: {out}")
    contains(w.read("report.xml").decode(), "</testsuites>", "the report")
