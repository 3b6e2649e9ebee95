#!/usr/bin/env python3
"""Makes a large capture of real packets: make_capture.py PACKETS OUT.pcap CAPTURE...

Takes the Ethernet packets of all classic pcap files named (either byte order, micro- or nanoseconds), one file after the
other, and repeats the whole until there are PACKETS; times are shifted so that they go on growing. Files that are not such
captures are left out. Prints how many packets one round has and how many files gave them.
"""
import struct
import sys

MAGICS = {b'\xd4\xc3\xb2\xa1': ('<', 1), b'\xa1\xb2\xc3\xd4': ('>', 1), b'\x4d\x3c\xb2\xa1': ('<', 1000),
          b'\xa1\xb2\x3c\x4d': ('>', 1000)}
ETHERNET = 1


def packets_of(path):
    """(seconds, microseconds, bytes, length on the wire) of each packet; stops where a file is cut."""
    with open(path, 'rb') as file:
        data = file.read()
    if data[:4] not in MAGICS or len(data) < 24:
        return
    order, divisor = MAGICS[data[:4]]
    if struct.unpack(order + 'I', data[20:24])[0] != ETHERNET:
        return
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack(order + 'IIII', data[at:at + 16])
        if at + 16 + captured > len(data):
            return
        yield seconds, fraction // divisor, data[at + 16:at + 16 + captured], wire
        at += 16 + captured


def main():
    wanted, out = int(sys.argv[1]), sys.argv[2]
    files, records = 0, []
    for path in sys.argv[3:]:
        before = len(records)
        records.extend(packets_of(path))
        files += len(records) > before
    if not records:
        sys.exit('make_capture.py: none of the captures named has Ethernet packets in the classic pcap format')
    # One clock for everything: a millisecond from packet to packet, from 2024 on.
    with open(out, 'wb') as file:
        file.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, ETHERNET))
        for number in range(-(-wanted // len(records)) * len(records)):
            _, _, data, wire = records[number % len(records)]
            milliseconds = 1704067200000 + number
            file.write(struct.pack('<IIII', milliseconds // 1000, milliseconds % 1000 * 1000, len(data), wire))
            file.write(data)
    print(len(records), files)


if __name__ == '__main__':
    main()
