"""Packets in several pieces (jumbo frames, GSO on the way out, GRO on the way in): the kernel judges each as the lua engine does.

Every packet is captured as it leaves or arrives, and the lua engine judges the capture: what both logged must be the same. Several
UDP datagrams in one buffer (UDP_SEGMENT) are cut in the capture as they will be on the wire: a filter judges each.
"""
import collections
import hashlib
import json
import struct

from kernel_lab import KernelLab
from lab import Skip, expect, expect_equal, must, wait_until

# Bytes all over the packet, deep ones too, decide; datagrams are blocked by their last byte.
DEEP = """
function filter(hdr, pld, pkt)
  if pkt.dport ~= 9000 then return true end
  local size, sum = #pld, 0
  for i = 0, size - 1, 1009 do sum = (sum * 31 + pld[i]) & 0xffffffff end
  local last = pld[size - 1]
  log('%d %d %d %d %d', pkt.protocol, pkt.length, size, sum, last or -1)
  if pkt.protocol == 17 and last and BLOCKS then return last % 2 == 0 end
  return true
end
"""


class LargeLab(KernelLab):
    mtu = 9000

    def build(self):
        super().build()
        self.server.setup(f"ip link set server0 mtu {self.mtu}")
        self.client.setup(f"ip link set client0 mtu {self.mtu}")
        for version in (4, 6):
            self.peer(self.server, "tcp-sink", self.address(version), "9000")
            self.peer(self.server, "udp-echo", self.address(version), "9000")


def datagrams_of(frame, segment):
    """The frames that one of several UDP datagrams becomes."""
    ipv6 = frame[12:14] == b"\x86\xdd"
    transport = 54 if ipv6 else 34
    headers, payload = frame[:transport + 8], frame[transport + 8:]
    if frame[20 if ipv6 else 23] != 17 or len(payload) <= LargeLab.mtu:
        return [frame]
    cut = []
    for begin in range(0, len(payload), segment):
        part, one = payload[begin:begin + segment], bytearray(headers)
        struct.pack_into(">H", one, 18 if ipv6 else 16, len(part) + (8 if ipv6 else 28))
        struct.pack_into(">H", one, transport + 4, len(part) + 8)
        cut.append(bytes(one) + part)
    return cut


def cut_trains(source, target, segment):
    """A capture as capture() of peers.py writes it, every datagram in a frame of its own."""
    data, at = source.read_bytes(), 24
    out = [data[:24]]
    while at + 16 <= len(data):
        length = struct.unpack_from("<IIII", data, at)[2]
        for frame in datagrams_of(data[at + 16:at + 16 + length], segment):
            out.append(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        at += 16 + length
    target.write_bytes(b"".join(out))


def logs_of(text):
    return [record["log"]["text"] for record in map(json.loads, text.splitlines()) if "log" in record]


def judged_alike(lab, hook, capture_at, blocks, segment):
    """Loads, sends, and compares; the lengths of the packets by protocol."""
    script = lab.script(DEEP.replace("BLOCKS", "true" if blocks else "false"), "deep.lua")
    lab.load("deep", script, hook)
    listener = lab.listen("deep")
    capture = lab.folder / "capture.pcap"
    namespace, interface, direction = capture_at
    tap = lab.peer(namespace, "capture", interface, capture, direction)
    for version in (4, 6):
        expect_equal(lab.ask(lab.client, "big-source", lab.address(version), "9000", str(segment)), "sent", "the sender")
    judged = {}

    def alike():
        # Reads what there is: the last packets are still on their way at first.
        cut = capture
        if segment:
            cut = lab.folder / "cut.pcap"
            cut_trains(capture, cut, segment)
        judged["lua"] = must([lab.program, "run", "--engine", "lua", script, cut, "--json"])
        judged["logs"] = collections.Counter(logs_of(judged["lua"]))
        return judged["logs"] == collections.Counter(logs_of(listener.out()))
    try:
        wait_until(alike, "the same is logged", 5)
    except Exception:
        kernel = collections.Counter(logs_of(listener.out()))
        expect(False, f"at {hook} only the kernel logged {list((kernel - judged['logs']).items())[:5]}, "
                      f"only lua {list((judged['logs'] - kernel).items())[:5]}")
    tap.kill()
    counters = lab.counters("deep")
    blocked = [json.loads(line)["summary"]["blocked"] for line in judged["lua"].splitlines() if "summary" in line]
    expect_equal((counters.get("lost_events", 0), counters.get("errors", 0)), (0, 0), f"lost events and errors at {hook}")
    expect_equal(counters["blocked"], blocked[-1], f"blocked packets at {hook}")
    expect(blocks == (counters["blocked"] > 0), f"blocked at {hook}: {counters}")
    listener.signal(2)
    expect_equal(listener.wait(), 0, "exit status of events")
    lab.perilune("unload", "deep")
    lengths = {6: [], 17: []}
    for text in judged["logs"]:
        protocol, length = map(int, text.split()[:2])
        lengths[protocol].append(length)
    return lengths


def test_jumbo_frames_at_xdp(program):
    with LargeLab(program) as lab:
        lengths = judged_alike(lab, lab.hooks[0], (lab.client, "client0", "out"), True, 0)
        expect(max(lengths[6]) > 8000 and max(lengths[17]) > 8000, f"no jumbo frames: {lengths}")


def test_segmentation_offload_at_tc_and_netfilter(program):
    with LargeLab(program) as lab:
        for hook in lab.hooks[1:]:
            lengths = judged_alike(lab, hook, (lab.client, "client0", "out"), True, 1400)
            expect(max(lengths[6]) > 60_000, f"no large packets at {hook}: {lengths}")
            expect(lengths[17].count(1400 + 28) > 60, f"datagrams were not judged one by one at {hook}: {lengths}")
            expect(max(lengths[17]) < 10_000, f"datagrams were judged together at {hook}: {lengths}")


def test_segmentation_offload_on_the_way_out(program):
    with LargeLab(program) as lab:
        hooks = [f"tc:client0:out@{lab.client.name}"]
        if lab.has_netfilter:
            hooks += [f"netfilter:{hook}@{lab.client.name}" for hook in ("output", "postrouting")]
        for hook in hooks:
            lengths = judged_alike(lab, hook, (lab.client, "client0", "out"), False, 1400)
            expect(max(lengths[6]) > 60_000, f"no large packets at {hook}: {lengths}")
            expect(lengths[17].count(1400 + 28) > 60, f"datagrams were not judged one by one at {hook}: {lengths}")
            expect(max(lengths[17]) < 10_000, f"datagrams were judged together at {hook}: {lengths}")


def test_segmentation_offload_through_a_queue(program):
    """What a script reads all over a packet is what was sent, whether the queue reads packets in parts (native) or not."""
    with LargeLab(program) as lab:
        script = lab.script(DEEP.replace("BLOCKS", "false"), "deep.lua")
        for engine in ("native", "lua"):
            judge = lab.filter(lab.server, script, "--divert", "in tcp dport 9000", "--json", "--engine", engine)
            capture = lab.folder / f"queue-{engine}.pcap"
            tap = lab.peer(lab.client, "capture", "client0", capture, "out")
            for version in (4, 6):
                expect_equal(lab.ask(lab.client, "big-source", lab.address(version), "9000", "0"), "sent", "the sender")
            wanted = collections.Counter()

            def alike():
                judged = must([lab.program, "run", "--engine", "lua", script, capture, "--json"])
                wanted.clear()
                wanted.update(text for text in logs_of(judged) if text.startswith("6 "))
                return wanted == collections.Counter(logs_of(judge.out()))
            wait_until(alike, f"the same is logged by {engine} and of the capture", 10)
            tap.kill()
            expect_equal(judge.stop(), 0, "exit status of the run")
            expect(max(int(text.split()[1]) for text in wanted) > 60_000, f"no large packets: {wanted}")
            summary = judge.summary()
            expect_equal((summary["blocked"], summary["errors"]), (0, []), f"blocked and errors in {engine}")


def test_packets_joined_on_the_way_in(program):
    """GRO: the client sends packets of 1,500 bytes, the server's device joins them."""
    with LargeLab(program) as lab:
        lab.client.setup("ip link set client0 mtu 1500")
        lab.ask(lab.client, "offloads", "client0", "tso=0", "gso=0")
        lab.ask(lab.server, "offloads", "server0", "gro=1")
        longest = 0
        for hook in lab.hooks[1:3]:  # the input hook sees fragments joined
            lengths = judged_alike(lab, hook, (lab.server, "server0", "in"), False, 0)
            longest = max(longest, *lengths[6])
        expect(longest > 3000, f"no packets were joined: the longest has {longest} bytes")


def grown(lab):
    """Lets packets become longer than IP can say."""
    for namespace, interface in ((lab.client, "client0"), (lab.server, "server0")):
        said = lab.ask(namespace, "gso-limits", interface, "180000")
        if said != "done":
            raise Skip(f"this kernel has no BIG TCP: {said}")


def test_packets_longer_than_ip_can_say(program):
    """BIG TCP: the lengths in the headers are 0 or in an option; what is read of such a packet is there."""
    begin = "function filter(hdr, pld, pkt) if pkt.dport == 9000 and #pld > 66600 then log('%d', pld[7]) end return true end\n"
    with LargeLab(program) as lab:
        grown(lab)
        hooks = [f"tc:client0:out@{lab.client.name}", f"tc:server0:in@{lab.server.name}"]
        if lab.has_netfilter:
            hooks += [f"netfilter:output@{lab.client.name}", f"netfilter:input@{lab.server.name}"]
        for hook in hooks:
            lab.load("big", lab.script(begin), hook)
            listener = lab.listen("big")
            for version in (4, 6):
                expect_equal(lab.ask(lab.client, "big-source", lab.address(version), "9000", "0"), "sent", f"IPv{version} at {hook}")
            counters = lab.counters("big")
            expect_equal((counters["blocked"], counters["errors"], counters["malformed"]), (0, 0, 0), f"at {hook}")
            wait_until(lambda: logs_of(listener.out()), f"a packet of more than 66,600 bytes at {hook}", 5)
            listener.signal(2)
            listener.wait()
            lab.perilune("unload", "big")


def test_writes_to_packets_longer_than_ip_can_say(program):
    """Anywhere in the bytes a filter has of them, near each other or not; the rest of the stream is as it was sent."""
    writes = {"a late byte": (65_480,), "the last of both": (66_460,), "far apart": (0, 5_000, 66_000), "near each other": (100, 101, 600)}
    with LargeLab(program) as lab:
        grown(lab)
        takers = {version: lab.peer(lab.server, "big-compare", lab.address(version), "9001") for version in (4, 6)}
        for what, places in writes.items():
            turn = " ".join(f"pld[{place}] = pld[{place}] ~ 255" for place in places)
            script = lab.script(f"function filter(hdr, pld, pkt) if pkt.dport == 9001 and #pld > 66600 then {turn} end return true end\n")
            for hook in (f"tc:client0:out@{lab.client.name}", f"tc:server0:in@{lab.server.name}"):
                before, changed = {version: len(taker.out().splitlines()) for version, taker in takers.items()}, 0
                lab.load("big", script, hook)
                for version in (4, 6):
                    lab.ask(lab.client, "big-stream", lab.address(version), "9001")
                    length, different, turned = map(int, takers[version].out().splitlines()[before[version]].split())
                    counters = lab.counters("big")
                    expect_equal((counters["blocked"], counters["errors"], counters["malformed"]), (0, 0, 0), f"{what} at {hook}")
                    now = counters["modified"] - changed
                    expect(now > 0, f"no long packet was changed, {what}, IPv{version} at {hook}: {counters}")
                    expect_equal((length, different, turned), (1_500_000, now * len(places), now * len(places)),
                                 f"bytes that came, and changed ones, {what}, IPv{version} at {hook}")
                    changed = counters["modified"]
                lab.perilune("unload", "big")


def test_writes_to_packets_longer_than_ip_can_say_at_generic_xdp(program):
    """A bridge has no XDP of its own, so such packets come to XDP there."""
    with LargeLab(program) as lab:
        grown(lab)
        lab.server.setup("""ip link add br0 type bridge
ip link set br0 mtu 9000
ip addr flush dev server0
ip link set server0 master br0
ip link set br0 up
ip addr add 10.77.0.1/24 dev br0
ip addr add fd77::1/64 dev br0 nodad""")
        expect_equal(lab.ask(lab.server, "gso-limits", "br0", "180000"), "done", "long packets at the bridge")
        takers = {version: lab.peer(lab.server, "big-compare", lab.address(version), "9001") for version in (4, 6)}
        script = lab.script("function filter(hdr, pld, pkt)\n  if pkt.dport == 9001 and #pld > 66600 then\n"
                            "    pld[3] = pld[3] ~ 255 pld[5000] = pld[5000] ~ 255 pld[66000] = pld[66000] ~ 255\n  end\n  return true\nend\n")
        lab.load("big", script, f"xdp:br0@{lab.server.name}")
        changed = 0
        for version in (4, 6):
            lab.ask(lab.client, "big-stream", lab.address(version), "9001")
            counters = lab.counters("big")
            expect_equal((counters["blocked"], counters["errors"], counters["malformed"]), (0, 0, 0), f"IPv{version}")
            now, changed = counters["modified"] - changed, counters["modified"]
            expect(now > 0, f"no long packet was changed, IPv{version}: {counters}")
            expect_equal(tuple(map(int, takers[version].out().splitlines()[-1].split())), (1_500_000, 3 * now, 3 * now), f"bytes that came, IPv{version}")


def word_sum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def long_segment(ipv6, payload):
    """A TCP segment whose length does not fit into its IP header, every checksum made; and where the payload begins."""
    length = 20 + len(payload)
    tcp = struct.pack(">HHIIBBHHH", 7, 8, 1, 1, 0x50, 0x10, 1000, 0, 0) + payload
    addresses = bytes(range(1, 33)) if ipv6 else bytes([10, 9, 0, 1, 10, 9, 0, 2])
    checksum = 0xffff ^ word_sum(struct.pack(">II", 6, length) + tcp + b"\0" * (length % 2) + addresses)
    tcp = tcp[:16] + struct.pack(">H", checksum) + tcp[18:]
    if ipv6:
        header = struct.pack(">IHBB", 6 << 28, 0, 0, 64) + addresses
        return header + struct.pack(">BBBBI", 6, 0, 0xc2, 4, length + 8) + tcp, 68
    header = struct.pack(">BBHHHBBH", 0x45, 0, 0, 7, 0, 64, 6, 0) + addresses
    return header[:10] + struct.pack(">H", 0xffff ^ word_sum(header)) + header[12:] + tcp, 40


def test_checksums_of_packets_longer_than_the_copy(program):
    """Nothing finishes the checksum of such a packet, so it is summed to its end, beyond what the filter sees."""
    payload = hashlib.shake_128(b"long").digest(179_999)
    writes = {"a late byte": {65_480: 0x7a}, "far apart": {0: 0x7a, 5_000: 0x7b, 66_001: 0x7c}, "one": {101: 0x7d}}
    with LargeLab(program) as lab:
        lab.client.setup("ip tuntap add dev tun0 mode tun\nip link set tun0 up")
        for what, changes in writes.items():
            turn = " ".join(f"pld[{place}] = {value}" for place, value in changes.items())
            script = lab.script(f"function filter(hdr, pld, pkt) if #pld > 66600 then {turn} return 'reply' end return true end\n")
            lab.load("long", script, f"tc:tun0:in@{lab.client.name}")
            for ipv6 in (False, True):
                for length in (179_998, 179_999):
                    packet, begin = long_segment(ipv6, payload[:length])
                    changed = bytearray(payload[:length])
                    for place, value in changes.items():
                        changed[place] = value
                    (lab.folder / "sent").write_bytes(packet)
                    said = lab.ask(lab.client, "tun-ask", "tun0", lab.folder / "sent", lab.folder / "came")
                    counters = lab.counters("long")
                    expect_equal(said, "answered", f"the reply, {what}: {counters}")
                    wanted = long_segment(ipv6, bytes(changed))[0]
                    came = (lab.folder / "came").read_bytes()
                    different = [at for at in range(len(wanted)) if came[at] != wanted[at]]
                    expect_equal(different, [], f"bytes that are others than wanted, {what}, payload at {begin}")
            lab.perilune("unload", "long")
