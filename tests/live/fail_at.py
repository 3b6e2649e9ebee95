#!/usr/bin/env python3
"""`fail_at.py AT WHAT COMMAND...`: runs the command and lets one of its system calls fail, or kills it just before the call.

AT counts the calls that matter for what stays in the kernel and for what the command believes: bpf(2), files and folders, what is read
of them, mounts, locks, namespaces, sockets, processes, memory shared with the kernel. (Of the kernel's type information, which a load
takes in by a thousand calls of read(2), the first three.) WHAT is an errno's name, "kill" (the command, and the process that makes the
call), "kill-one" (that process alone), or "none". Calls of the command's children count as well; of the programs they start (the
packet filter's tools) those by which these talk to the kernel and to us, not the files they read. SIGTERM is passed on to the command.
The last line of standard error is one JSON object: {"calls": how many there were (with "none": a list of them), "call": what AT was,
"status": exit status, or -SIGNAL}; before it can come, the command and all its children have ended.

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
BPF, MMAP, EXECVE, WRITE, PRCTL = 321, 9, 59, 1, 157
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24  # dozens of calls that may fail: whoever lacks CAP_SETPCAP cannot make them
# Those of the first table take a path, at the first or second argument; those of the second a descriptor.
PATHS = {2: ("open", 0), 4: ("stat", 0), 6: ("lstat", 0), 82: ("rename", 0), 83: ("mkdir", 0), 84: ("rmdir", 0),
         87: ("unlink", 0), 89: ("readlink", 0), 90: ("chmod", 0), 137: ("statfs", 0), 165: ("mount", 1), 166: ("umount", 0),
         257: ("open", 1), 258: ("mkdir", 1), 262: ("stat", 1), 263: ("unlink", 1), 264: ("rename", 1), 267: ("readlink", 1),
         268: ("chmod", 1), 316: ("rename", 1), 437: ("open", 1)}
FILES = {0: "read", 1: "write", 5: "fstat", 16: "ioctl", 17: "pread", 20: "writev", 72: "fcntl", 73: "flock", 77: "ftruncate", 91: "fchmod",
         217: "getdents"}
OTHERS = {9: "mmap", 22: "pipe", 33: "dup2", 41: "socket", 42: "connect", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg",
          49: "bind", 51: "getsockname", 53: "socketpair", 54: "setsockopt", 55: "getsockopt", 56: "clone", 57: "fork", 58: "vfork",
          59: "execve", 61: "wait4", 125: "capget", 126: "capset", 157: "prctl", 272: "unshare", 290: "eventfd", 292: "dup3", 293: "pipe2",
          299: "recvmmsg", 308: "setns", 317: "seccomp", 319: "memfd", 321: "bpf", 324: "membarrier", 435: "clone3"}
CALLS = {*PATHS, *FILES, *OTHERS}
OF_TOOLS = ("socket", "bind", "sendto", "sendmsg", "recvfrom", "recvmsg", "clone", "clone3", "fork", "vfork", "execve")
LIBRARIES = ("/lib", "/usr/lib", "/etc/ld", "/usr/share")
TYPES, MOST_READS_OF_TYPES = "/sys/kernel/btf/", 3
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
    own = None  # the program that is tried

    def __init__(self, pid):
        self.pid = pid
        self.reads_of_types = 0
        self.program = None
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

    def file(self, descriptor):
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{descriptor & 0xffffffff}")
        except OSError:
            return "?"

    def is_tool(self, changes):
        """Does it run another program than the tracer started?"""
        if self.program is None:
            try:
                self.program = os.readlink(f"/proc/{self.pid}/exe")
            except OSError:
                return False
        program = self.program
        if changes:
            self.program = None
        return program != Process.own

    def call(self, registers):
        """What the call is, or nothing when it does not matter: the C library's own, and memory of the process alone."""
        number, first, second = registers[ORIG_RAX], registers[RDI], registers[RSI]
        if self.is_tool(number == EXECVE) and OTHERS.get(number) not in OF_TOOLS and number != WRITE:
            return None
        if number == PRCTL and first in (PR_CAPBSET_READ, PR_CAPBSET_DROP):
            return None
        if number == BPF:
            return "bpf " + BPF_COMMANDS[first] if first < len(BPF_COMMANDS) else f"bpf {first}"
        if number in OTHERS:
            flags, fd = registers[7], registers[9]  # r10, r8
            return OTHERS[number] if number != MMAP or (flags & MAP_SHARED and fd < 0x7fffffff) else None
        if number in PATHS:
            name, at = PATHS[number]
            path = self.text((first, second)[at]) or self.file(first)
        else:
            name, path = FILES[number], self.file(first)
        if path.startswith(LIBRARIES):
            return None
        if path.startswith(TYPES) and name in ("read", "pread"):
            self.reads_of_types += 1
            if self.reads_of_types > MOST_READS_OF_TYPES:
                return None
        return f"{name} {path}"


def main():
    wanted, what, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    Process.own = os.path.realpath(command[0])
    pid = os.fork()
    if pid == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        trace_calls(sorted(CALLS))
        os.execv(command[0], command)
    os.waitpid(pid, 0)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    libc.ptrace(SETOPTIONS, pid, None, ctypes.c_void_p(OPTIONS))
    libc.ptrace(CONT, pid, None, None)
    count, said, status, started, names = 0, None, None, False, []
    processes = {}
    while True:
        try:
            who, stopped = os.waitpid(-1, WALL)
        except ChildProcessError:
            break  # all have ended
        if os.WIFEXITED(stopped) or os.WIFSIGNALED(stopped):
            if who == pid:
                status = os.waitstatus_to_exitcode(stopped)
            continue
        deliver = 0
        event = stopped >> 16
        if event == EVENT_SECCOMP:
            process = processes.setdefault(who, Process(who))
            registers = process.registers()
            name = process.call(registers)
            # The dynamic loader is done when the program asks for something that is not a library.
            started = started or (name is not None and name.split()[0] in ("open", "statfs", "bpf", "socket") and "ld.so" not in name)
            if name is not None and started:
                count += 1
                names.append(name)
                if count == wanted:
                    said = name
                    if what in ("kill", "kill-one"):
                        os.kill(who, signal.SIGKILL)
                        if what == "kill" and who != pid:
                            os.kill(pid, signal.SIGKILL)
                        continue
                    if what != "none":
                        process.refuse(registers, getattr(errno, what))
        elif event == 0 and os.WSTOPSIG(stopped) not in (signal.SIGSTOP, signal.SIGTRAP):
            deliver = os.WSTOPSIG(stopped)
        libc.ptrace(CONT, who, None, ctypes.c_void_p(deliver))
    print("\n" + json.dumps({"calls": names if what == "none" else count, "call": said, "status": status}), file=sys.stderr)


if __name__ == "__main__":
    main()
