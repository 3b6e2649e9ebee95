"""Captures and packets for the tests, made byte by byte: nothing of the program under test is used to make them."""
import socket
import struct


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(payload, protocol, src="192.0.2.1", dst="192.0.2.2", length=None):
    total = 20 + len(payload) if length is None else length
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 1, 0x4000, 64, protocol, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def pseudo(src, dst, protocol, length):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack(">BBH", 0, protocol, length)


def tcp(payload=b"", sport=40000, dport=22, src="192.0.2.1", dst="192.0.2.2", flags=0x18):
    segment = struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 65535, 0, 0) + payload
    value = checksum(pseudo(src, dst, 6, len(segment)) + segment)
    return ipv4(segment[:16] + struct.pack(">H", value) + segment[18:], 6, src, dst)


def udp(payload=b"", sport=40000, dport=53, src="192.0.2.1", dst="192.0.2.2"):
    datagram = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    value = checksum(pseudo(src, dst, 17, len(datagram)) + datagram) or 0xFFFF
    return ipv4(datagram[:6] + struct.pack(">H", value) + datagram[8:], 17, src, dst)


def ethernet(packet, ethertype=0x0800):
    return bytes.fromhex("020000000002020000000001") + struct.pack(">H", ethertype) + packet


def arp():
    return ethernet(bytes.fromhex("0001080006040001020000000001c0000201000000000000c0000202"), 0x0806)


def pcap(frames, link=1, snap=None, start=1_600_000_000):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for i, frame in enumerate(frames):
        kept = frame if snap is None else frame[:snap]
        out.append(struct.pack("<IIII", start + i, 250_000, len(kept), len(frame)) + kept)
    return b"".join(out)


def read_pcapng(data):
    """[(bytes, comment)] of a little-endian pcapng with enhanced packet blocks; asserts that its blocks are sound. The
    comment is the last one."""
    return [(body, comments[-1] if comments else None) for body, comments in read_comments(data)]


def read_comments(data):
    """[(bytes, [comment, ...])] of the same."""
    packets = []
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and length >= 12, f"block at {at}: length {length}"
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length, f"block at {at}: lengths differ"
        if kind == 6:
            captured = struct.unpack_from("<I", data, at + 20)[0]
            body = data[at + 28:at + 28 + captured]
            option = at + 28 + (captured + 3) // 4 * 4
            comments = []
            while option < at + length - 4:
                code, size = struct.unpack_from("<HH", data, option)
                if code == 0:
                    break
                if code == 1:
                    comments.append(data[option + 4:option + 4 + size].decode())
                option += 4 + (size + 3) // 4 * 4
            packets.append((body, comments))
        at += length
    return packets
