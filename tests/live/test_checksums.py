"""What a filter writes arrives with right checksums, also when the sender's machine left them for its device to finish.

A local sender's packets carry the pseudo header's sum only (CHECKSUM_PARTIAL). The gateway's outer device cannot finish them here: the
kernel does it before, over what the filters wrote, and the server's kernel drops what is wrong then.
"""
import hashlib
import re

from kernel_lab import RoutedKernelLab
from lab import expect, expect_equal, wait_until

FLIP = """
function filter(hdr, pld, pkt)
  if pkt.dport ~= 9000 then return true end
  for i = 0, #pld - 1 do pld[i] = pld[i] ~ 0x55 end
  return true
end
"""
BYTE = """
function filter(hdr, pld, pkt)
  if pkt.dport ~= 9000 then return true end
  pld[AT] = pld[AT] ~ 0x55
  return true
end
"""
# The last byte of the source address, the source port, and a time to live.
HEADERS = """
function filter(hdr, pld, pkt)
  if pkt.dport ~= 9000 then return true end
  hdr[pkt.version == 4 and 15 or 23] = 0x77
  hdr[pkt.version == 4 and 8 or 7] = 33
  hdr[#hdr - 8], hdr[#hdr - 7] = 0x12, 0x34
  return true
end
"""
SENT = {size: hashlib.shake_128(b"datagram").digest(size) for size in (1, 100, 8000, 30_000)}


def flip(data, *places):
    changed = bytearray(data)
    for at in places or range(len(data)):
        changed[at] ^= 0x55
    return bytes(changed)


class ChecksumLab(RoutedKernelLab):
    def build(self):
        super().build()
        for namespace, device in ((self.client, "client0"), (self.gateway, "inside0"), (self.gateway, "outside0"), (self.server, "server0")):
            namespace.setup(f"ip link set {device} mtu 9000")
        self.ask(self.gateway, "offloads", "outside0", "tx=0")
        self.sinks = {}
        for version in (4, 6):
            self.peer(self.server, "tcp-sink", self.address(version), "9000")
            self.sinks[version] = self.peer(self.server, "udp-report", self.address(version), "9000")
            self.arrived(version, "1")  # neighbours are known then

    def arrived(self, version, *size_and_segment):
        """(source address, port, length, hash) of each datagram that came."""
        def wanted():
            size, segment = map(int, [*size_and_segment, "0"][:2])
            return -(-size // segment) if segment else 1
        before = len(self.sinks[version].out())
        self.ask(self.client, "udp-send", self.address(version), "9000", *size_and_segment)
        rows = wait_until(lambda: [line.split() for line in self.sinks[version].out()[before:].splitlines()][:wanted()][wanted() - 1:] and
                          [line.split() for line in self.sinks[version].out()[before:].splitlines()],
                          f"datagrams {size_and_segment} arrive over IPv{version}", 5)
        return rows

    def wrong_checksums(self):
        counted = self.server.must("cat", "/proc/net/snmp", "/proc/net/snmp6")
        udp = dict(zip(*(line.split() for line in counted.splitlines() if line.startswith("Udp:"))))
        tcp = dict(zip(*(line.split() for line in counted.splitlines() if line.startswith("Tcp:"))))
        return int(udp["InCsumErrors"]) + int(tcp["InCsumErrors"]) + int(re.search(r"Udp6InCsumErrors\s+(\d+)", counted)[1])


def hash_of(data):
    return hashlib.sha256(data).hexdigest()


def rewritten(program, hook_of):
    with ChecksumLab(program) as lab:
        hook = hook_of(lab)
        expect_equal(lab.wrong_checksums(), 0, "wrong checksums before")
        flips = lab.script(FLIP, "flip.lua")
        lab.perilune("load", "writes", flips, "--at", hook, "--instructions", "5000000")
        for version in (4, 6):
            for size in (1, 100, 8000):
                expect_equal(lab.arrived(version, str(size))[0][2:], [str(size), hash_of(flip(SENT[size]))],
                             f"{size} flipped bytes over IPv{version}")
            parts = [hash_of(flip(SENT[30_000][at:at + 1400])) for at in range(0, 30_000, 1400)]
            expect_equal([row[3] for row in lab.arrived(version, "30000", "1400")], parts, f"flipped segments over IPv{version}")
            length, digest, sent, wanted = lab.ask(lab.client, "tcp-source", lab.address(version), "9000", "2", "85").split()
            expect_equal((length, digest), (sent, wanted), f"a flipped stream over IPv{version}")
        for at in (2, 3):
            lab.perilune("reload", "writes", lab.script(BYTE.replace("AT", str(at)), f"byte{at}.lua"))
            for version in (4, 6):
                for size in (100, 8000):
                    expect_equal(lab.arrived(version, str(size))[0][2:], [str(size), hash_of(flip(SENT[size], at))],
                                 f"byte {at} of {size} flipped over IPv{version}")
        lab.perilune("reload", "writes", lab.script(HEADERS, "headers.lua"))
        for version, source in ((4, "10.77.1.119"), (6, "fd77:1::77")):
            expect_equal(lab.arrived(version, "100")[0], [source, str(0x1234), "100", hash_of(SENT[100])],
                         f"where a datagram over IPv{version} comes from")
        counters = lab.counters("writes")
        expect(counters["modified"] > 40 and not counters["errors"], f"counters: {counters}")
        expect_equal(lab.wrong_checksums(), 0, "wrong checksums at the server")


def test_written_at_the_sender(program):
    rewritten(program, lambda lab: f"tc:client0:out@{lab.client.name}")


def test_written_on_the_way_in(program):
    rewritten(program, lambda lab: f"tc:inside0:in@{lab.gateway.name}")


def test_written_on_the_way_out(program):
    rewritten(program, lambda lab: f"tc:outside0:out@{lab.gateway.name}")


def test_written_at_xdp(program):
    rewritten(program, lambda lab: f"xdp:inside0@{lab.gateway.name}")
