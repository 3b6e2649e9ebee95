#!/usr/bin/env python3
"""`killed_at.py KIND N COMMAND...`: kills the command just before the N-th of its system calls of a kind that changes what the kernel
keeps: pins and their folders, links, tables of programs. Says "killed", or "done" when there were fewer. x86-64 only."""
import ctypes
import os
import signal
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long
TRACEME, PEEKUSER, SYSCALL, SETOPTIONS, EXITKILL_SYSGOOD = 0, 3, 24, 0x4200, 0x100000 | 1
FILES = {83: "mkdir", 84: "rmdir", 87: "unlink", 263: "unlink", 316: "renameat2"}
BPF = 321
COMMANDS = {2: "map update", 3: "map delete", 6: "pin", 28: "link create", 29: "link update", 34: "link detach"}
PROGRAM_TABLE = 3


def register(pid, index):
    return libc.ptrace(PEEKUSER, pid, ctypes.c_void_p(index * 8), None) & 0xffffffffffffffff


def is_program_table(pid, attributes):
    """Of a map's update: is it a table of programs?"""
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(attributes)
        fd, = struct.unpack("I", memory.read(4))
    with open(f"/proc/{pid}/fdinfo/{fd}") as file:
        return f"map_type:\t{PROGRAM_TABLE}\n" in file.read()


def change(pid):
    """What the call that is about to begin changes, or nothing."""
    number, first, second = register(pid, 15), register(pid, 14), register(pid, 13)
    if number != BPF:
        return FILES.get(number)
    if first in (2, 3) and not is_program_table(pid, second):
        return None
    return COMMANDS.get(first)


def main():
    kind, wanted, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    count, entering = 0, True
    pid = os.fork()
    if pid == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.execv(command[0], command)
    os.waitpid(pid, 0)
    libc.ptrace(SETOPTIONS, pid, None, ctypes.c_void_p(EXITKILL_SYSGOOD))
    deliver = 0
    while True:
        libc.ptrace(SYSCALL, pid, None, ctypes.c_void_p(deliver))
        _, status = os.waitpid(pid, 0)
        deliver = 0
        if not os.WIFSTOPPED(status):
            print("done")
            return
        if os.WSTOPSIG(status) != signal.SIGTRAP | 0x80:
            deliver = os.WSTOPSIG(status)
            continue
        if entering and change(pid) == kind:
            count += 1
            if count == wanted:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                print("killed")
                return
        entering = not entering


if __name__ == "__main__":
    main()
