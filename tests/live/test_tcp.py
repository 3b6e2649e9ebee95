"""Large TCP transfers: segmentation-offload packets go through whole, changed or not."""
from lab import Lab, expect, expect_equal

PASS = "function filter() return true end\n"
# The same bytes, but written: every packet comes back from the filter as a changed one.
WRITE = "function filter(hdr, pld) if #pld > 0 then pld[0] = pld[0] end return true end\n"
LONGEST = """
local longest = 0
function filter(hdr, pld, pkt)
  if pkt.length > longest then longest = pkt.length log('longest %d', longest) end
  return true
end
"""
MEGABYTES = 48


def transfer(program, version, place, divert, script):
    with Lab(program) as lab:
        address = lab.address(version)
        lab.peer(lab.server, "tcp-sink", address, "9000")
        judge = lab.filter(getattr(lab, place), lab.script(script), "--divert", divert, "--json")
        length, digest, sent, wanted = lab.ask(lab.client, "tcp-source", address, "9000", str(MEGABYTES)).split()
        expect_equal((length, digest), (sent, wanted), "length and hash of what came")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        return judge


def test_big_transfer_in(program):
    judge = transfer(program, 4, "server", "in tcp dport 9000", PASS)
    packets = judge.summary()["packets"]
    # Packets of at most 1,500 bytes would be more than 33,000.
    expect(packets < MEGABYTES * 1_000_000 / 1448 / 2, f"{packets} packets: segmentation offload is not used")


def test_big_transfer_out_over_ipv6(program):
    transfer(program, 6, "client", "out tcp dport 9000", PASS)


def test_large_packets_are_seen_whole(program):
    judge = transfer(program, 4, "client", "out tcp dport 9000", LONGEST)
    longest = max(int(record["log"]["text"].split()[-1]) for record in judge.records() if "log" in record)
    expect(longest > 10_000, f"the longest packet had {longest} bytes")


def test_changed_packets_in(program):
    judge = transfer(program, 4, "server", "in tcp dport 9000", WRITE)
    expect(judge.summary()["modified"] > 100, f"nothing was changed: {judge.summary()}")


def test_changed_packets_out(program):
    """Checksums of these are unfinished when the filter gets them."""
    for version in (4, 6):
        judge = transfer(program, version, "client", "out tcp dport 9000", WRITE)
        expect(judge.summary()["modified"] > 100, f"nothing was changed: {judge.summary()}")
