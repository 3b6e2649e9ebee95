"""Programs and maps that the kernel has, by bpf(2)."""
import ctypes
import os
import platform
import struct

NUMBERS = {"x86_64": 321, "aarch64": 280}
# GET_NEXT_ID, GET_FD_BY_ID, where the name is in what OBJ_GET_INFO_BY_FD tells
PROGRAMS, MAPS = (11, 13, 64), (12, 14, 24)
OBJ_GET_INFO_BY_FD = 15
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    return libc.syscall(NUMBERS[platform.machine()], command, attributes, len(attributes))


def names(kind):
    next_id, fd_by_id, name_at = kind
    last, found = 0, []
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("III", last, 0, 0), 12)
        if bpf(next_id, attributes) != 0:
            return found
        last = struct.unpack("III", attributes.raw)[1]
        fd = bpf(fd_by_id, ctypes.create_string_buffer(struct.pack("III", last, 0, 0), 12))
        if fd < 0:
            continue  # it has just gone
        info = ctypes.create_string_buffer(name_at + 16)
        bpf(OBJ_GET_INFO_BY_FD, ctypes.create_string_buffer(struct.pack("IIQ", fd, len(info), ctypes.addressof(info)), 16))
        os.close(fd)
        found.append(info.raw[name_at:].split(b"\0")[0].decode(errors="replace"))


def named(program, map_name):
    """The programs and maps of these names that there are."""
    return [name for name in names(PROGRAMS) if name == program] + [name for name in names(MAPS) if name == map_name]
