"""The filters of examples/ in the kernel, at every hook that takes them, between real peers, over IPv4 and IPv6.

The lab is routed: client, gateway, server. What is blocked is retransmitted by TCP, so the same connections go on once the filter is
unloaded: that shows that nothing but the filter held them.
"""
import pathlib
import sys

from kernel_lab import RoutedKernelLab
from lab import HERE, ROOT, expect, expect_equal, wait_until
from services import Dns, Https, Ssh

VERSIONS = (4, 6)
EXAMPLES = pathlib.Path(ROOT) / "examples"


def changed(lab, name, old, new):
    """An example with one text in place of another."""
    text = (EXAMPLES / name).read_text()
    expect_equal(text.count(old), 1, f"places in {name} with {old}")
    return lab.script(text.replace(old, new), name)


class ExamplesLab(Ssh, Dns, Https, RoutedKernelLab):
    def build(self):
        super().build()
        self.sizes = {}
        for version in VERSIONS:
            self.peer(self.server, "modbus-server", self.address(version), "502")
            self.sizes[version] = self.peer(self.server, "tcp-mss", self.address(version), "9000")

    def client_starts(self, *words):
        return self.start(self.client, *words)

    def client_peer(self, *words):
        return self.start(self.client, sys.executable, HERE / "peers.py", *words)

    def segment_size(self, version):
        """What the server sends to the client, of a new connection."""
        before = self.sizes[version].out()
        self.ask(self.client, "tcp-connect", self.address(version), "9000")
        return int(wait_until(lambda: self.sizes[version].out()[len(before):].strip(), "the server says its segment size").split()[-1])

    def finished(self, processes, wanted, what):
        """Each process ends well and has printed what is wanted."""
        for process, text in zip(processes, wanted):
            expect_equal((process.wait(), process.out().strip()), (0, text), f"{what} {process.err().strip()[-300:]}")

    @staticmethod
    def found(questions, address, hook):
        """On a busy machine a question may have been asked again: dig tells that, too."""
        for dig in questions:
            expect_equal((dig.wait(), dig.out().split()[-1:]), (0, [address]), f"dig for another name at {hook}: {dig.out()}")

    @staticmethod
    def nothing_found(questions, hook):
        """A question that was dropped stays lost."""
        for dig in questions:
            expect(dig.wait() != 0 or "192.0.2" not in dig.out(), f"dig got an answer at {hook}: {dig.out()}")

    def wait_for_blocked(self, name, count, hook):
        def blocked():
            counters = self.counters(name)
            return counters["blocked"] + counters["rejected"] >= count
        wait_until(blocked, f"{name} blocks {count} packets at {hook}")


def at_every_hook(program, check, writable=False):
    with ExamplesLab(program) as lab:
        for hook in lab.writable if writable else lab.hooks:
            check(lab, hook)
            expect_equal(lab.records("list"), [], f"what is listed after {hook}")
        lab.expect_nothing_left()


def test_filters_that_block(program):
    """ssh.lua, tls-sni.lua, dns-block.lua and modbus-read-only.lua together at each hook."""
    def check(lab, hook):
        filters = {"ssh": changed(lab, "ssh.lua", "'OpenSSH_6.4'", f"'{lab.banner()}'"), "sni": EXAMPLES / "tls-sni.lua",
                   "dns": EXAMPLES / "dns-block.lua", "modbus": EXAMPLES / "modbus-read-only.lua"}
        for name, script in filters.items():
            lab.load(name, script, hook)
        logins = [lab.client_starts(*lab.ssh_command(version, "echo reached")) for version in VERSIONS]
        tracked = [lab.client_starts(*lab.curl_command(version, "tracker.example.com")) for version in VERSIONS]
        below = [lab.client_starts(*lab.curl_command(version, "x.ads.example.net")) for version in VERSIONS]
        # Reading holding registers, then writing one.
        machines = [lab.client_peer("modbus-ask", lab.address(version), "502", "3", "6") for version in VERSIONS]
        names = [lab.client_starts(*lab.dig_command(version, "ads.example.net")) for version in VERSIONS]
        good_names = [lab.client_starts(*lab.dig_command(version, "good.example.net", tries=5)) for version in VERSIONS]
        good = [lab.client_starts(*lab.curl_command(version, "good.example.net")) for version in VERSIONS]

        lab.found(good_names, "192.0.2.2", hook)
        lab.finished(good, ["good.example.net"] * 2, f"curl for another name at {hook}")
        # TCP tries again: what comes again is blocked again. Whose connections are reset do not: at tc a 'reject' sends,
        # at netfilter it cannot, and what native XDP sends is lost where the other end of the pair has no program.
        resets = hook.startswith("tc:")
        for name, count in (("ssh", 4), ("sni", 4 if resets else 8), ("dns", 2), ("modbus", 2 if resets else 4)):
            lab.wait_for_blocked(name, count, hook)
        expect_equal([process.out() for process in logins + tracked + below], [""] * 6, f"ssh and curl at {hook}")
        expect_equal([process.out().split("\n")[:-1] for process in machines], [["answered 3"]] * 2, f"Modbus at {hook}")
        for name in filters:
            expect_equal(lab.counters(name).get("errors", 0), 0, f"script errors of {name} at {hook}")

        lab.perilune("unload", *filters)
        lab.nothing_found(names, hook)
        if resets:
            for process in tracked + below + machines:
                expect(process.wait() != 0 and "reset" in process.err().lower(), f"told at {hook}: {process.err()}")
        else:
            lab.finished(tracked, ["tracker.example.com"] * 2, f"curl after {hook}")
            lab.finished(below, ["x.ads.example.net"] * 2, f"curl after {hook}")
            lab.finished(machines, ["answered 3\nanswered 6"] * 2, f"Modbus after {hook}")
        lab.finished(logins, ["reached"] * 2, f"ssh after {hook}")
    at_every_hook(program, check)


def test_filters_with_tables(program):
    """ssh-versions.lua and dns-block-list.lua together at each hook."""
    def check(lab, hook):
        lab.load("ssh", changed(lab, "ssh-versions.lua", "['OpenSSH_6.4']", f"['{lab.banner()}']"), hook)
        lab.load("dns", EXAMPLES / "dns-block-list.lua", hook)
        logins = [lab.client_starts(*lab.ssh_command(version, "echo reached")) for version in VERSIONS]
        names = [lab.client_starts(*lab.dig_command(version, "telemetry.example.org")) for version in VERSIONS]
        good_names = [lab.client_starts(*lab.dig_command(version, "good.example.net", tries=5)) for version in VERSIONS]
        lab.found(good_names, "192.0.2.2", hook)
        lab.wait_for_blocked("ssh", 4, hook)
        lab.wait_for_blocked("dns", 2, hook)
        expect_equal([process.out() for process in logins], [""] * 2, f"ssh at {hook}")
        lab.perilune("unload", "ssh", "dns")
        lab.nothing_found(names, hook)
        lab.finished(logins, ["reached"] * 2, f"ssh after {hook}")
    at_every_hook(program, check)


def test_filters_that_write(program):
    """mss-clamp.lua on what the client sends and dns-rewrite.lua on what the server sends, where packets can be written to."""
    def check(lab, hook):
        before = {version: lab.segment_size(version) for version in VERSIONS}
        lab.load("mss", EXAMPLES / "mss-clamp.lua", hook)
        lab.load("rewrite", EXAMPLES / "dns-rewrite.lua", lab.answers[hook])
        for version in VERSIONS:
            expect_equal(before[version] - lab.segment_size(version), 8, f"bytes that IPv{version} segments became smaller at {hook}")
            expect_equal(lab.ask_dns(version, "www.example.com"), "192.0.2.99", f"the rewritten answer at {hook}")
            expect_equal(lab.ask_dns(version, "good.example.net"), "192.0.2.2", f"an answer left alone at {hook}")
        expect_equal(lab.counters("mss")["modified"], 2, f"packets that mss-clamp.lua changed at {hook}")
        expect_equal(lab.counters("rewrite")["modified"], 2, f"packets that dns-rewrite.lua changed at {hook}")
        lab.perilune("unload", "mss", "rewrite")
        for version in VERSIONS:
            expect_equal(lab.segment_size(version), before[version], f"IPv{version} segments after {hook}")
            expect_equal(lab.ask_dns(version, "www.example.com"), "192.0.2.1", f"the answer after {hook}")
    at_every_hook(program, check, writable=True)


def test_rate_limit(program):
    """rate-limit.lua: of 200 packets at once about the burst of 40 gets through, and everything without it."""
    with RoutedKernelLab(program) as lab:
        def answered():
            floods = [lab.start(lab.client, sys.executable, HERE / "peers.py", "udp-flood", lab.address(version), "7", "200", "0.4")
                      for version in VERSIONS]
            return [flood.wait() == 0 and int(flood.out().split()[1]) for flood in floods]
        for version in VERSIONS:
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
            # Nobody has to look for neighbours any more.
            expect_equal(lab.ask(lab.client, "udp-ask", lab.address(version), "7", "hello", "9"), "hello", "the way")
        expect_equal(answered(), [200, 200], "answers before")
        for hook in lab.hooks:
            lab.load("rate", EXAMPLES / "rate-limit.lua", hook)
            got = answered()
            expect(all(30 <= count <= 60 for count in got), f"answers at {hook}, over IPv4 and IPv6: {got}")
            counters = lab.counters("rate")
            expect(counters["blocked"] >= 2 * 140 and not counters.get("errors"), f"counters at {hook}: {counters}")
            lab.perilune("unload", "rate")
        expect_equal(answered(), [200, 200], "answers afterwards")
        lab.expect_nothing_left()
