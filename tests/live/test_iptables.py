"""Filters as matches of iptables rules: what they do not let pass meets the rule's target."""
import shutil

from kernel_lab import PASS, KernelLab
from lab import Skip, expect, expect_equal, need
from test_kernel import FILTER as WORDS
from test_trains import EVIL, received

TOOLS = {4: "iptables-nft", 6: "ip6tables-nft"}


class IptablesLab(KernelLab):
    def build(self):
        super().build()
        need(*TOOLS.values())
        self.pin = self.bpffs / "perilune" / "words" / "at_0" / "match"

    def rule(self, namespace, tool, action, chain="INPUT", target="DROP", pin=None):
        """The pin is found in this mount namespace: `ip netns exec` hides what is mounted at /sys alone."""
        return namespace.run(tool, "-w", "5", action, chain, "-m", "bpf", "--object-pinned", pin or self.pin, "-j", target)

    def add(self, tool, chain="INPUT", target="DROP", namespace=None, pin=None):
        done = self.rule(namespace or self.server, tool, "-A", chain, target, pin)
        if "No such file" in done.stderr and not self.pin.exists() or "Extension bpf" in done.stderr:
            raise Skip(f"{tool} has no match for programs here: {done.stderr.strip()}")
        expect_equal(done.returncode, 0, f"{tool} -A {chain}: {done.stderr}")


def test_a_rule_drops_what_the_filter_blocks(program):
    with IptablesLab(program) as lab:
        for version in (4, 6):
            lab.peer(lab.server, "udp-echo", lab.address(version), "7")
        said = lab.load("words", lab.script(WORDS), "iptables:words").stdout
        expect(f"iptables -A INPUT -m bpf --object-pinned {lab.pin} -j DROP" in said, f"how to use it: {said}")
        expect(f"--object-pinned {lab.pin}" in lab.perilune("show", "words").stdout, "show says how to use it")
        for version, tool in TOOLS.items():
            expect_equal(lab.asked("no-1", version), "no-1", f"without a rule, IPv{version}")
            lab.add(tool)
            expect_equal(lab.asked("yes", version), "yes", f"a word that may pass, IPv{version}")
            expect_equal(lab.asked("no-2", version), "nothing", f"a word that is blocked, IPv{version}")
        expect_equal(lab.counters("words")["blocked"], 2, "blocked")
        # The rules keep the entry; the filter behind it is replaced.
        said = lab.perilune("reload", "words", lab.script(PASS, "pass.lua")).stdout
        expect("reloaded" in said, f"reload: {said}")
        expect_equal(lab.asked("no-3"), "no-3", "after the reload")
        lab.perilune("reload", "words", lab.script(WORDS))
        expect_equal(lab.asked("no-4"), "nothing", "reloaded again")
        for tool in TOOLS.values():
            expect_equal(lab.rule(lab.server, tool, "-D").returncode, 0, f"{tool} -D")
        expect_equal(lab.asked("no-5"), "no-5", "without the rules")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_other_targets_and_chains(program):
    """REJECT tells the sender, which a filter in the kernel cannot; OUTPUT sees what leaves."""
    with IptablesLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", lab.script(WORDS), "iptables:words")
        lab.add("iptables-nft", target="REJECT")
        expect_equal(lab.asked("no-1"), "refused", "with REJECT")
        lab.rule(lab.server, "iptables-nft", "-D", target="REJECT")
        lab.add("iptables-nft", chain="OUTPUT")
        expect_equal((lab.asked("yes"), lab.asked("no-2")), ("yes", "nothing"), "at OUTPUT")
        lab.rule(lab.server, "iptables-nft", "-D", chain="OUTPUT")
        lab.perilune("unload", "words")


def test_a_filter_that_rules_use_stays(program):
    with IptablesLab(program) as lab:
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", lab.script(WORDS), "iptables:words")
        for namespace, tool in ((lab.server, "iptables-nft"), (lab.client, "ip6tables-nft")):
            lab.add(tool, namespace=namespace)
            for words in (("unload", "words"), ("unload", "--all")):
                refused = lab.perilune(*words, check=False)
                expect_equal(refused.returncode, 1, f"{words}: {refused.stderr}")
                expect("'words' stays" in refused.stderr and f"--object-pinned {lab.pin}" in refused.stderr, f"it names the rule: {refused.stderr}")
                expect(namespace.name in refused.stderr, f"it names the namespace: {refused.stderr}")
            expect(lab.filters()["words"]["hooks"][0]["attached"], "it is still there")
            if namespace is lab.server:
                expect_equal(lab.asked("no-1"), "nothing", "and judges")
            lab.rule(namespace, tool, "-D")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_rules_with_other_spellings_of_the_pin(program):
    with IptablesLab(program) as lab:
        lab.load("words", lab.script(WORDS), "iptables:words:out")
        expect("iptables -A OUTPUT" in lab.perilune("show", "words").stdout, "the chain goes with the direction")
        for pin, folder in ((f"{lab.bpffs}/../bpf//perilune/words/at_0/match", "/"), ("words/at_0/match", lab.bpffs / "perilune"),
                            ("match", lab.pin.parent)):
            add = ("iptables-nft", "-w", "5", "-A", "OUTPUT", "-m", "bpf", "--object-pinned", pin, "-j", "DROP")
            lab.server.must(*add, cwd=folder)
            refused = lab.perilune("unload", "words", check=False)
            expect(refused.returncode == 1 and "'words' stays" in refused.stderr, f"a rule with {pin}: {refused.stderr}")
            lab.server.must("iptables-nft", "-F", "OUTPUT")
        lab.perilune("unload", "words")


def test_the_older_iptables(program):
    with IptablesLab(program) as lab:
        if shutil.which("iptables-legacy") is None or lab.server.run("iptables-legacy", "-S").returncode != 0:
            raise Skip("this kernel or machine has no iptables-legacy")
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", lab.script(WORDS), "iptables:words")
        lab.add("iptables-legacy")
        expect_equal((lab.asked("no-1"), lab.asked("yes")), ("nothing", "yes"), "with a rule of iptables-legacy")
        refused = lab.perilune("unload", "words", check=False)
        expect(refused.returncode == 1 and "'words' stays" in refused.stderr, f"unload: {refused.stderr}")
        lab.rule(lab.server, "iptables-legacy", "-D")
        lab.perilune("unload", "words")


def test_trains_at_rules(program):
    with IptablesLab(program) as lab:
        lab.load("words", lab.script(EVIL), "iptables:words")
        for version, tool in TOOLS.items():
            lab.add(tool)
            expect_equal(received(lab, ["GOOD", "FINE", "GOOD"], version), ["GOOD", "FINE", "GOOD"], f"good ones, IPv{version}")
            expect_equal(received(lab, ["GOOD", "EVIL", "GOOD"], version), [], f"one that is blocked, IPv{version}")
            lab.rule(lab.server, tool, "-D")
        expect_equal(lab.counters("words")["blocked"], 2, "blocked")
        lab.perilune("unload", "words")


def test_directions_and_mistakes(program):
    with IptablesLab(program) as lab:
        direction = lab.script("function filter(hdr, pld, pkt) return pkt.direction ~= 'forward' end\n", "direction.lua")
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", direction, "iptables:words:forward")
        lab.add("iptables-nft")
        expect_equal(lab.asked("no-1"), "nothing", "the direction is the one that was named")
        lab.rule(lab.server, "iptables-nft", "-D")
        lab.perilune("unload", "words")
        for place, text in (("iptables:", "name"), ("iptables:a.b", "name"), ("iptables:a:up", "is no direction"), ("iptables:a:in:1", "is not a hook"),
                            (f"iptables:a@{lab.server.name}", "name")):
            refused = lab.perilune("load", "words", lab.script(WORDS), "--at", place, check=False)
            expect(refused.returncode == 1 and text in refused.stderr, f"{place}: {refused.returncode}: {refused.stderr}")
        lab.expect_nothing_left()
