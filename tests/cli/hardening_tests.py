"""How the program is built: what makes a mistake in it hard to use (readelf)."""
import shutil
import subprocess

from harness import Skipped, contains, equal


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
