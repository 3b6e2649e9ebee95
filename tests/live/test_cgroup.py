"""Filters at control groups: they judge what the sockets of a group's processes send and receive, and nothing else."""
import contextlib
import os
import pathlib
import sys

from kernel_lab import PASS, KernelLab
from lab import HERE, Process, Skip, expect, expect_equal, must, need, wait_until
from test_kernel import FILTER as WORDS
from test_trains import EVIL

FACTS = """
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 17 then return true end
  log('%s %s %s %d %d', pkt.direction, pkt.frame == nil, pkt.vlan == nil, pkt.version, pkt.length)
  return true
end
"""
BLOCK_TCP = "function filter(hdr, pld, pkt) return pkt.protocol ~= 6 end\n"


def mount_point():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] == "cgroup2":
            return pathlib.Path(line.split()[1])
    raise Skip("there is no cgroup2 file system")


class CgroupLab(KernelLab):
    """A group `web` with a group `web/worker` in it, inside one of the test's own."""

    root = None

    def build(self):
        super().build()
        if not self.records("features")[0]["features"]["cgroup"]:
            raise Skip("this kernel has no links at control groups")
        self.mount = mount_point()
        self.root = self.mount / f"perilune-test-{os.getpid()}"
        self.path = f"{self.root.name}/web"
        self.group("web/worker")

    def group(self, path):
        (self.root / path).mkdir(parents=True, exist_ok=True)
        return self.root / path

    def remove_groups(self):
        for folder, _, _ in os.walk(self.root, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def close(self):
        super().close()
        if self.root:
            self.remove_groups()

    def in_group(self, path, namespace, *words):
        """A helper of peers.py in a group. `ip netns exec` hides the groups' file system, so it comes second."""
        enter = f"echo $$ > {self.root / path}/cgroup.procs && exec \"$@\""
        command = ["sh", "-c", enter, "sh", *namespace.command(sys.executable, HERE / "peers.py", *words)]
        process = Process(command, self.folder, f"{len(self.processes)}-peer")
        self.processes.append(process)
        return process

    def peer_in(self, path, namespace, *words):
        process = self.in_group(path, namespace, *words)
        wait_until(lambda: "ready" in process.out(), f"peers.py {words} gets ready")
        return process

    def asked_at(self, port, text, version=4):
        return self.ask(self.client, "udp-ask", self.address(version), port, text, "0.5" if text.startswith("no") else "5")


def test_what_a_group_receives(program):
    with CgroupLab(program) as lab:
        for version in (4, 6):
            lab.peer_in("web", lab.server, "udp-echo", lab.address(version), "7")
            lab.peer_in("web/worker", lab.server, "udp-echo", lab.address(version), "8")
            lab.peer(lab.server, "udp-echo", lab.address(version), "9")
        place = f"cgroup:{lab.path}:in"
        lab.load("words", lab.script(WORDS), place)
        for version in (4, 6):
            for port in ("7", "8"):
                expect_equal(lab.asked_at(port, "yes", version), "yes", f"a word that may pass, port {port}, IPv{version}")
                expect_equal(lab.asked_at(port, "no-1", version), "nothing", f"a word that is blocked, port {port}, IPv{version}")
            expect_equal(lab.asked_at("9", "no-2", version), "no-2", f"a process that is in another group, IPv{version}")
        expect_equal(lab.counters("words")["blocked"], 4, "blocked")
        one = lab.filters()["words"]["hooks"][0]
        expect_equal((one["hook"], one["attached"]), (place, True), "what is listed")
        # A reload leaves no gap, and keeps counting.
        lab.perilune("reload", "words", lab.script(PASS, "pass.lua"))
        expect_equal(lab.asked_at("7", "no-3"), "no-3", "after the reload")
        expect_equal(lab.counters("words")["blocked"], 4, "blocked, after the reload")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_what_a_group_sends(program):
    with CgroupLab(program) as lab:
        lab.peer_in("web", lab.server, "udp-echo", lab.address(4), "7")
        lab.load("words", lab.script(WORDS), f"cgroup:{lab.root}/web:out")
        expect_equal(lab.asked_at("7", "yes"), "yes", "an answer that may leave")
        expect_equal(lab.asked_at("7", "no-1"), "nothing", "an answer that is blocked")
        expect_equal(lab.filters()["words"]["hooks"][0]["hook"], f"cgroup:{lab.path}:out", "the one spelling")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_what_a_script_sees_there(program):
    with CgroupLab(program) as lab:
        for version in (4, 6):
            lab.peer_in("web", lab.server, "udp-echo", lab.address(version), "7")
        lab.load("facts", lab.script(FACTS), f"cgroup:{lab.path}:in", f"cgroup:{lab.path}:out")
        listener = lab.listen("facts")
        for version in (4, 6):
            expect_equal(lab.asked_at("7", "hello", version), "hello", f"the answer, IPv{version}")
        wanted = [f"{direction} true true {version} {length}" for version, length in ((4, 33), (6, 53)) for direction in ("in", "out")]
        for text in wanted:
            wait_until(lambda text=text: text in listener.out(), f"'{text}' is logged: {listener.out()}")
        lab.perilune("unload", "facts")


def test_each_datagram_of_a_train(program):
    with CgroupLab(program) as lab:
        for version in (4, 6):
            for gro in ("0", "1"):
                lab.load("evil", lab.script(EVIL), f"cgroup:{lab.path}:in")
                for words, arrive in ((["GOOD", "FINE", "GOOD"], True), (["GOOD", "EVIL", "GOOD"], False), (["GOOD", "GOOD", "EVIL"], False)):
                    target = lab.peer_in("web", lab.server, "udp-words", lab.address(version), "6500", gro)
                    lab.ask(lab.client, "udp-train", lab.address(version), "6500", "100", *words)
                    expect_equal(target.wait(), 0, "the receiver")
                    came = target.out().split()[1:]
                    # A receiver that takes whole buffers loses all of one; else the kernel cuts it first.
                    good = [word for word in words if word != "EVIL"]
                    allowed = [words] if arrive else [[], good] if gro == "1" else [good]
                    expect(came in allowed, f"{words}, IPv{version}, UDP_GRO {gro}: {came}")
                counters = lab.counters("evil")
                expect_equal((counters["blocked"], counters.get("errors", 0)), (2, 0), "blocked and errors")
                lab.perilune("unload", "evil")
            lab.load("evil", lab.script(EVIL), f"cgroup:{lab.path}:out")
            for words, arrive in ((["GOOD", "FINE", "GOOD"], True), (["GOOD", "EVIL", "GOOD"], False)):
                target = lab.peer(lab.server, "udp-words", lab.address(version), "6500")
                sender = lab.in_group("web", lab.client, "udp-train", lab.address(version), "6500", "100", *words)
                sender.wait()
                expect_equal(target.wait(), 0, "the receiver")
                expect_equal(target.out().split()[1:], words if arrive else [], f"{words} sent, IPv{version}")
            lab.perilune("unload", "evil")


def test_tcp_is_cut_off(program):
    with CgroupLab(program) as lab:
        lab.peer_in("web", lab.server, "http-server", lab.address(4), "80")
        connect = lambda port="80": lab.ask(lab.client, "tcp-connect", lab.address(4), port, "2").split()[0]
        expect_equal(connect(), "connected", "before")
        lab.load("cut", lab.script(BLOCK_TCP), f"cgroup:{lab.path}:in")
        expect_equal(connect(), "timeout", "with all TCP blocked on its way in")
        lab.perilune("unload", "cut")
        # What a listener answers belongs to its group before there is a connection; a reset where nobody listens to none.
        lab.load("cut", lab.script(BLOCK_TCP), f"cgroup:{lab.path}:out")
        expect_equal((connect(), connect("81")), ("timeout", "refused"), "with all TCP blocked on its way out")
        lab.perilune("unload", "cut")
        expect_equal(connect(), "connected", "after")


def test_a_group_that_goes_away(program):
    with CgroupLab(program) as lab:
        lab.group("unit")
        place = f"cgroup:{lab.root.name}/unit:in"
        lab.load("words", lab.script(WORDS), place)
        os.rmdir(lab.root / "unit")
        wait_until(lambda: not lab.filters()["words"]["hooks"][0]["attached"], "list says that it is detached")
        expect("control group is gone" in lab.perilune("list").stdout, "list says why")
        refused = lab.perilune("reload", "words", check=False)
        expect(refused.returncode == 2 and "not attached anywhere" in refused.stderr, f"a reload: {refused.stderr}")
        # Another group by that name is another group.
        lab.group("unit")
        expect(not lab.filters()["words"]["hooks"][0]["attached"], "attached to a new group of the old name")
        lab.perilune("unload", "words")
        lab.load("words", lab.script(WORDS), place)
        lab.peer_in("unit", lab.server, "udp-echo", lab.address(4), "7")
        expect_equal(lab.asked_at("7", "no-1"), "nothing", "loaded again")
        lab.perilune("unload", "words")
        lab.expect_nothing_left()


def test_units_by_name(program):
    with CgroupLab(program) as lab:
        name = f"perilune-test-{os.getpid()}@1.service"
        lab.group(f"system.slice/{name}")
        lab.load("words", lab.script(WORDS), f"cgroup:unit:{name}:in")
        expect_equal(lab.filters()["words"]["hooks"][0]["hook"], f"cgroup:{lab.root.name}/system.slice/{name}:in", "the unit's group")
        lab.perilune("unload", "words")
        # A user's unit of the same name does not count; two of the machine's are one too many.
        lab.group(f"user@1000.service/{name}")
        lab.load("words", lab.script(WORDS), f"cgroup:unit:{name}:in")
        lab.perilune("unload", "words")
        lab.group(f"other.slice/{name}")
        refused = lab.perilune("load", "words", lab.script(WORDS), "--at", f"cgroup:unit:{name}:in", check=False)
        expect(refused.returncode == 1 and "is the name of 3 control groups" in refused.stderr, f"two of a name: {refused.stderr}")
        lab.expect_nothing_left()


def test_mistakes_at_groups(program):
    with CgroupLab(program) as lab:
        for place, text in ((f"cgroup:{lab.path}/none:in", "there is no control group"), ("cgroup:/etc:in", "there is no control group"),
                            ("cgroup:unit:perilune-none:in", "no unit 'perilune-none' is running"), (f"cgroup:{lab.path}", "which direction"),
                            (f"cgroup:{lab.path}:in@{lab.server.name}", "is in no network namespace"), ("cgroup:unit:a/b:in", "is no unit's name")):
            refused = lab.perilune("load", "words", lab.script(WORDS), "--at", place, check=False)
            expect(refused.returncode == 1 and text in refused.stderr, f"{place}: {refused.returncode}: {refused.stderr}")
        refused = lab.perilune("load", "words", lab.script(WORDS), "--at", f"cgroup:{lab.path}:in", "--netns", lab.server.name, check=False)
        expect(refused.returncode == 1 and "is in no network namespace" in refused.stderr, f"with --netns: {refused.stderr}")
        writes = lab.script("function filter(hdr) hdr[1] = 8 end\n", "writes.lua")
        refused = lab.perilune("load", "writes", writes, "--at", f"tc:server0:in@{lab.server.name}", "--at",
                                f"cgroup:{lab.path}:in", check=False)
        expect(refused.returncode == 1 and "read-only-hook" in refused.stderr, f"a script that writes: {refused.stderr}")
        expect(f"about cgroup:{lab.path}:in" in refused.stderr, f"it says at which hook: {refused.stderr}")
        lab.expect_nothing_left()


def test_others_can_attach_the_pin(program):
    """As systemd does for IPIngressFilterPath=."""
    with CgroupLab(program) as lab:
        need("bpftool")
        lab.group("idle")
        lab.load("words", lab.script(WORDS), f"cgroup:{lab.root.name}/idle:in")
        lab.peer_in("web", lab.server, "udp-echo", lab.address(4), "7")
        expect_equal(lab.asked_at("7", "no-1"), "no-1", "a group that the filter is not loaded at")
        must(["bpftool", "cgroup", "attach", lab.root / "web", "cgroup_inet_ingress", "pinned", lab.bpffs / "perilune/words/at_0/program", "multi"])
        expect_equal((lab.asked_at("7", "yes"), lab.asked_at("7", "no-2")), ("yes", "nothing"), "attached there by its pin")
        expect_equal(lab.counters("words")["blocked"], 1, "blocked")
        lab.perilune("unload", "words")
