"""Packets whose headers lie, sent by a raw socket, and packets that a script breaks: the documented verdict, counted and reported."""
import json
import pathlib
import struct

from kernel_lab import KernelLab
from lab import expect, expect_equal, must, need, run, wait_until

UDP_9 = "function filter(hdr, pld, pkt) return not (pkt.protocol == 17 and pkt.dport == 9) end\n"


def mac(namespace, interface):
    return bytes.fromhex(namespace.must("cat", f"/sys/class/net/{interface}/address").strip().replace(":", ""))


def udp(length=None, payload=b"payload"):
    return struct.pack("!HHHH", 4000, 9, 8 + len(payload) if length is None else length, 0) + payload


def tcp(offset=5, payload=b""):
    return struct.pack("!HHIIBBHHH", 4000, 9, 1, 0, offset << 4, 2, 1000, 0, 0) + payload


def ipv4(protocol, body, version=4, words=5, length=None, fragment=0):
    head = struct.pack("!BBHHHBBH", version << 4 | words, 0, 20 + len(body) if length is None else length, 1, fragment, 64, protocol, 0)
    head += bytes([10, 77, 0, 2, 10, 77, 0, 1])
    total = sum(struct.unpack("!10H", head))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xffff - total) + head[12:] + body


def ipv6(protocol, body, length=None):
    address = bytes.fromhex("fd77" + "00" * 13)
    return struct.pack("!IHBB", 6 << 28, len(body) if length is None else length, protocol, 64) + address + b"\2" + address + b"\1" + body


# What the stack itself leaves to the hooks of netfilter: it looks at lengths of IP only.
FOR_THE_STACK = [
    ipv4(6, tcp()[:10]), ipv4(6, tcp(offset=4)), ipv4(6, tcp(offset=15)), ipv4(17, udp(length=7)), ipv4(17, udp(length=900)),
    ipv4(1, b"\10\0\0\0"), ipv4(17, udp()[:5]),
    ipv6(6, tcp()[:10]), ipv6(6, tcp(offset=4)), ipv6(17, udp(length=7)), ipv6(17, udp(length=900)), ipv6(17, udp()[:5]),
]
FOR_NOBODY = [
    ipv4(17, udp(), version=5), ipv4(17, udp(), words=4), ipv4(17, udp(), words=15), ipv4(17, udp(), length=900),
    ipv4(17, udp(), length=19), ipv4(17, udp())[:13], b"", ipv4(17, udp(), fragment=8191), ipv4(17, udp()[:3], fragment=0x2000),
    ipv6(17, udp(), length=900), ipv6(17, udp())[:30], ipv6(0, bytes([17, 40, 1, 4, 0, 0, 0, 0]) + udp()), ipv6(44, bytes([17, 0, 0])),
    ipv6(44, bytes([17, 0, 0xff, 0xf9, 0, 0, 0, 1]) + udp()), ipv6(0, b"\0\0\1\4\0\0\0\0" * 9),
]
GOOD = [ipv4(17, udp()), ipv6(17, udp()), ipv4(6, tcp()), ipv4(17, udp(payload=b""))]


class FramesLab(KernelLab):
    def build(self):
        super().build()
        # Nobody answers, and nobody is asked who has an address.
        self.head = mac(self.server, "server0") + mac(self.client, "client0")
        self.serial = 0

    def capture(self, packets):
        self.serial += 1
        path = self.folder / f"frames{self.serial}.pcap"
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 1))
            for packet in packets:
                frame = self.head + (b"\x86\xdd" if packet[:1] >= b"\x60" else b"\x08\x00") + packet
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        return path


def blocked(text, kinds=("packet",)):
    """(cause, malformed) of each packet that did not pass, in --json of either command."""
    records = [json.loads(line) for line in text.splitlines()]
    packets = [record.get("packet") if isinstance(record.get("packet"), dict) else record for record in records]
    return [(packet["cause"], packet.get("malformed")) for packet in packets if packet.get("verdict") in ("block", "reject")]


def judged_as_lua_does(program, options, packets_at):
    with FramesLab(program) as lab:
        script = lab.script(UDP_9)
        for hook in lab.hooks[:3]:
            packets = packets_at(hook)
            capture = lab.capture(packets)
            by_lua = must([program, "run", "--engine", "lua", *options, script, capture, "--json"])
            wanted = blocked(by_lua)
            summary = [json.loads(line)["summary"] for line in by_lua.splitlines() if "summary" in line][-1]
            lab.perilune("load", "judge", script, "--at", hook, *options)
            listener = lab.listen("judge")
            lab.ask(lab.client, "raw-send", "client0", capture)
            wait_until(lambda: len(blocked(listener.out())) >= len(wanted), f"{len(wanted)} packets show at {hook}")
            expect_equal(blocked(listener.out()), wanted, f"blocked packets at {hook}")
            counters = lab.counters("judge")
            # Neighbours of the lab may have talked, too: those packets are sound.
            expect_equal((counters["malformed"], counters["blocked"]), (sum(summary["malformed"].values()), summary["blocked"]), f"counted at {hook}")
            expect(counters["malformed"] >= len(FOR_THE_STACK), f"lua found only {summary['malformed']} malformed packets")
            listener.kill()
            lab.perilune("unload", "judge")


def frames_at(hook):
    return [*GOOD, *FOR_THE_STACK, *GOOD, *([] if hook.startswith("netfilter") else FOR_NOBODY), *GOOD]


def test_malformed_packets_are_blocked(program):
    judged_as_lua_does(program, [], frames_at)


def test_malformed_packets_pass_when_they_may(program):
    judged_as_lua_does(program, ["--malformed", "pass"], frames_at)


BREAKS = """
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 and pkt.dport == 9 then
    hdr[pkt.version == 4 and 0 or 4] = 0x41
    return true
  end
end
"""


def test_packets_that_a_script_breaks(program):
    """They are script errors at the line of the return statement, judged by --on-error, shown and counted."""
    with FramesLab(program) as lab:
        script = lab.script(BREAKS)
        capture = lab.capture([*GOOD, *GOOD])
        for hook in lab.hooks[:2]:
            for on_error, count in (("block", 6), ("pass", 0)):
                by_lua = must([program, "run", "--engine", "lua", "--on-error", on_error, script, capture, "--json"])
                wanted = [json.loads(line)["error"]["message"] for line in by_lua.splitlines() if line.startswith('{"error"')]
                lab.perilune("load", "breaks", script, "--at", hook, "--on-error", on_error)
                listener = lab.listen("breaks")
                lab.ask(lab.client, "raw-send", "client0", capture)
                wait_until(lambda: listener.out().count('"error":') >= 6, f"6 errors show at {hook}")
                records = [json.loads(line) for line in listener.out().splitlines()]
                errors = [record["error"] for record in records if "error" in record]
                expect_equal({error["line"] for error in errors}, {5}, f"lines of the errors at {hook}")
                expect(errors[0]["script"].endswith("filter.lua"), f"its script at {hook}: {errors[0]}")
                expect(set(wanted) <= {error["message"] for error in errors}, f"messages at {hook}: {errors}, of lua: {wanted}")
                expect_equal(len(blocked(listener.out())), count, f"blocked packets that show at {hook}")
                stats = lab.records("stats", "breaks")[0]["stats"]
                expect_equal((stats["counters"]["errors"], stats["counters"]["blocked"], stats["counters"]["modified"]), (6, count, 0),
                             f"errors, blocked and modified at {hook}")
                expect_equal([error["count"] for error in stats["hooks"][0]["errors"]], [6], f"errors by place at {hook}")
                shown = lab.perilune("stats", "breaks").stdout
                expect("6 script errors at" in shown and "malformed the packet" in shown, f"shown: {shown}")
                listener.kill()
                lab.perilune("unload", "breaks")


def test_the_capture_of_blocked_packets(program):
    """events -w: the frames as they arrived, with the reason as comment, for others to read."""
    tshark = need("tshark")
    with FramesLab(program) as lab:
        lab.load("judge", lab.script(UDP_9), lab.hooks[0])
        path = lab.folder / "drops.pcapng"
        listener = lab.listen("judge", "-w", path)
        packets = [ipv4(17, udp()), ipv4(6, tcp(offset=4)), ipv6(17, udp()), ipv4(17, udp(payload=b"x" * 700))]
        lab.ask(lab.client, "raw-send", "client0", lab.capture(packets))
        wait_until(lambda: len(blocked(listener.out())) == 4, "4 packets show")
        # What there is so far can be read while it is written.
        so_far = pathlib.Path(path).stat().st_size
        listener.signal(15)
        expect_equal(listener.wait(), 0, "exit status")
        fields = [word for field in ("frame.len", "frame.cap_len", "frame.comment") for word in ("-e", field)]
        done = run([tshark, "-n", "-r", path, "-T", "fields", "-E", "separator=|", *fields])
        expect_equal(done.returncode, 0, f"tshark's exit status: {done.stderr}")
        rows = [line.split("|") for line in done.stdout.splitlines()]
        expect_equal([row[:2] for row in rows], [["49", "49"], ["54", "54"], ["69", "69"], ["742", "256"]], "lengths of the frames")
        expect(so_far > 400, f"only {so_far} bytes were written at once")
        comments = ["|".join(row[2:]) for row in rows]
        expect(all("perilune judge: block" in comment for comment in comments), f"comments: {comments}")
        expect("filter.lua:1" in comments[0] and "tcp-header" in comments[1], f"comments: {comments}")
        again = must([program, "run", lab.script(UDP_9), path, "--json"])
        expect_equal([verdict for verdict, _ in blocked(again)], ["script", "malformed", "script", "script"], "judged again")
