#!/usr/bin/env python3
"""`fail_at.py AT WHAT COMMAND...`: runs the command and lets one of its system calls fail, or kills it just before the call.

AT counts the calls that matter for what stays in the kernel: bpf(2), files and folders, mounts, locks, namespaces, sockets, memory
shared with the kernel. (Not read(2), by which a load takes in the kernel's type information in a thousand steps.) WHAT is an errno's name, "kill", or "none". Calls of the command's children count as well. The last line of
standard error is one JSON object: {"calls": how many there were, "call": what AT was, "status": exit status, or -SIGNAL}.

Only the calls that count stop the process (SECCOMP_RET_TRACE), so this is fast. x86-64 only.
"""
import ctypes
import errno
import json
import os
import signal
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long
TRACEME, CONT, GETREGS, SETREGS, SYSCALL, SETOPTIONS, GETEVENTMSG = 0, 7, 12, 13, 24, 0x4200, 0x4201
# TRACEFORK | TRACEVFORK | TRACECLONE | TRACEEXEC | TRACESECCOMP | EXITKILL
OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
EVENT_SECCOMP = 7
WALL = 0x40000000
ORIG_RAX, RAX, RDI, RSI = 15, 10, 14, 13  # of struct user_regs_struct
BPF = 321
CALLS = {1: "write", 2: "open", 4: "stat", 5: "fstat", 6: "lstat", 16: "ioctl", 41: "socket", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
         47: "recvmsg", 72: "fcntl", 73: "flock", 82: "rename", 83: "mkdir", 84: "rmdir", 87: "unlink", 89: "readlink", 137: "statfs",
         165: "mount", 217: "getdents", 257: "open", 258: "mkdir", 262: "stat", 263: "unlink", 264: "rename", 308: "setns",
         316: "renameat2", 321: "bpf", 324: "membarrier", 9: "mmap"}
BPF_COMMANDS = ["map create", "map lookup", "map update", "map delete", "map next key", "program load", "pin", "open pin",
                "program attach", "program detach", "test run", "next program", "next map", "program by id", "map by id", "info",
                "program query", "raw tracepoint", "types load", "types by id", "task query", "lookup and delete", "freeze", "next types",
                "batch lookup", "batch lookup and delete", "batch update", "batch delete", "link create", "link update", "link by id",
                "next link", "statistics", "iterator", "link detach", "program bind map"]
MAP_SHARED = 1


class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filters", ctypes.POINTER(Filter))]


def trace_calls(numbers):
    """From now on, and across exec, these system calls stop."""
    load, equal, give = 0x20, 0x15, 0x06
    trace, allow = 0x7FF00000, 0x7FFF0000
    code = [Filter(load, 0, 0, 0)]  # the number
    for at, number in enumerate(numbers):
        code.append(Filter(equal, len(numbers) - at, 0, number))
    code += [Filter(give, 0, 0, allow), Filter(give, 0, 0, trace)]
    program = Program(len(code), (Filter * len(code))(*code))
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges: for the filter, when this is not root
    if libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        os._exit(126)


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.room = ctypes.create_string_buffer(27 * 8)

    def registers(self):
        libc.ptrace(GETREGS, self.pid, None, ctypes.cast(self.room, ctypes.c_void_p))
        return list(struct.unpack("27Q", self.room.raw))

    def refuse(self, registers, code):
        """The call under way is not made; it fails with this errno."""
        registers[ORIG_RAX] = 0xffffffffffffffff
        registers[RAX] = (-code) & 0xffffffffffffffff
        self.room.raw = struct.pack("27Q", *registers)
        libc.ptrace(SETREGS, self.pid, None, ctypes.cast(self.room, ctypes.c_void_p))

    def text(self, address):
        try:
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
                memory.seek(address)
                return memory.read(200).split(b"\0")[0].decode(errors="replace")
        except OSError:
            return ""

    def call(self, registers):
        """What the call is, or nothing when it does not matter: the C library's own, and memory of the process alone."""
        name = CALLS.get(registers[ORIG_RAX])
        first, second = registers[RDI], registers[RSI]
        if name == "bpf":
            return "bpf " + BPF_COMMANDS[first] if first < len(BPF_COMMANDS) else f"bpf {first}"
        if name == "mmap":
            flags, fd = registers[7], registers[9]  # r10, r8
            return "mmap" if flags & MAP_SHARED and fd < 0x7fffffff else None
        if name in ("open", "stat", "lstat", "mkdir", "rmdir", "unlink", "statfs", "readlink"):
            path = self.text(second if registers[ORIG_RAX] in (257, 258, 262, 263) else first)
            if path.startswith(("/lib", "/usr/lib", "/etc/ld", "/usr/share")):
                return None
            return f"{name} {path}"
        return name


def main():
    wanted, what, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    pid = os.fork()
    if pid == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        trace_calls(sorted(CALLS))
        os.execv(command[0], command)
    os.waitpid(pid, 0)
    libc.ptrace(SETOPTIONS, pid, None, ctypes.c_void_p(OPTIONS))
    libc.ptrace(CONT, pid, None, None)
    count, said, status, started = 0, None, None, False
    while status is None:
        who, stopped = os.waitpid(-1, WALL)
        if os.WIFEXITED(stopped) or os.WIFSIGNALED(stopped):
            if who == pid:
                status = os.waitstatus_to_exitcode(stopped)
            continue
        deliver = 0
        event = stopped >> 16
        if event == EVENT_SECCOMP:
            process = Process(who)
            registers = process.registers()
            name = process.call(registers)
            # The dynamic loader is done when the program asks for something that is not a library.
            started = started or (name is not None and name.split()[0] in ("open", "statfs", "bpf", "socket") and "ld.so" not in name)
            if name is not None and started:
                count += 1
                if count == wanted:
                    said = name
                    if what == "kill":
                        os.kill(pid, signal.SIGKILL)
                        if who != pid:
                            os.kill(who, signal.SIGKILL)
                        continue
                    if what != "none":
                        process.refuse(registers, getattr(errno, what))
        elif event == 0 and os.WSTOPSIG(stopped) not in (signal.SIGSTOP, signal.SIGTRAP):
            deliver = os.WSTOPSIG(stopped)
        libc.ptrace(CONT, who, None, ctypes.c_void_p(deliver))
    print("\n" + json.dumps({"calls": count, "call": said, "status": status}), file=sys.stderr)


if __name__ == "__main__":
    main()
