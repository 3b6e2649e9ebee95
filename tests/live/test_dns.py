"""dig against dnsmasq: names blocked, answers rewritten to the same and to another length."""
from lab import ROOT, Lab, expect, expect_equal
from services import Dns


class DnsLab(Dns, Lab):
    pass


REWRITE_TEXT = r"""
-- Answers for text.example.com get another text: the record behind the question is built anew.
local name = '\4text\7example\3com\0'
local long = ('a longer text than before '):rep(7)

function filter(hdr, pld, pkt)
  if pkt.sport ~= 53 then return true end
  local dns = tostring(pld)
  if dns:sub(13, 12 + #name) ~= name or dns:byte(7) * 256 + dns:byte(8) ~= 1 then return true end
  local question = dns:sub(13, 12 + #name + 4)
  local answer = '\xc0\x0c' .. '\0\16\0\1' .. '\0\0\0\0' .. string.pack('>s2', string.pack('s1', TEXT))
  -- one answer, no authority and no additional records
  pkt.payload = dns:sub(1, 6) .. '\0\1' .. '\0\0\0\0' .. question .. answer
  return true
end
"""


def both(program, check):
    with DnsLab(program) as lab:
        for version in (4, 6):
            check(lab, version)


def test_name_blocked(program):
    def check(lab, version):
        expect_equal(lab.ask_dns(version, "ads.example.net"), "192.0.2.3", "the name before")
        judge = lab.filter(lab.server, ROOT / "examples/dns-block.lua", "--divert", "in udp dport 53", "--json")
        expect_equal(lab.ask_dns(version, "ads.example.net"), "", "the blocked name")
        expect_equal(lab.ask_dns(version, "good.example.net"), "192.0.2.2", "another name")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        expect_equal(judge.summary()["blocked"], 1, "blocked packets")
        expect_equal(lab.ask_dns(version, "ads.example.net"), "192.0.2.3", "the name afterwards")
    both(program, check)


def test_answer_rewritten_same_length(program):
    def check(lab, version):
        judge = lab.filter(lab.server, ROOT / "examples/dns-rewrite.lua", "--divert", "out udp sport 53", "--json")
        expect_equal(lab.ask_dns(version, "www.example.com"), "192.0.2.99", "the rewritten answer")
        expect_equal(lab.ask_dns(version, "good.example.net"), "192.0.2.2", "an answer left alone")
        judge.stop()
        expect_equal(judge.summary()["modified"], 1, "modified packets")
        expect_equal(lab.ask_dns(version, "www.example.com"), "192.0.2.1", "the answer afterwards")
    both(program, check)


def test_answer_rewritten_other_length(program):
    def check(lab, version):
        expect_equal(lab.ask_dns(version, "text.example.com", "TXT"), '"short"', "the text before")
        for text in ("a longer text than before " * 7, "x"):
            script = lab.script(REWRITE_TEXT.replace("TEXT", f"{text!r}"))
            judge = lab.filter(lab.server, script, "--divert", "out udp sport 53", "--json")
            expect_equal(lab.ask_dns(version, "text.example.com", "TXT"), f'"{text}"', "the rewritten text")
            judge.stop()
            expect_equal(judge.summary()["modified"], 1, "modified packets")
            expect(not judge.summary().get("errors"), f"script errors: {judge.out()}")
    both(program, check)


def test_answer_rewritten_at_the_client(program):
    """On the way in the checksum is the one of the wire, on the way out it was unfinished: both come out right."""
    def check(lab, version):
        judge = lab.filter(lab.client, ROOT / "examples/dns-rewrite.lua", "--divert", "in udp sport 53", "--json")
        expect_equal(lab.ask_dns(version, "www.example.com"), "192.0.2.99", "the rewritten answer")
        judge.stop()
    both(program, check)
