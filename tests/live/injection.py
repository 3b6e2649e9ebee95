"""What commands that change the kernel leave behind when one of their system calls fails, or when they are killed at one.

The packets are UDP datagrams to two ports. A guard at XDP, loaded before everything else, blocks one of them; the filter under test
blocks the other at every hook. Two observers, at tc and at netfilter, count what comes to them. So `perilune list --json` alone tells
what happened to a packet:

  guarded    counted as blocked by the guard               always
  blocked    counted by neither observer                   while the filter under test is whole, and during every reload
  through    counted by both observers                     when it is not loaded, and nothing of it is left
"""
import ctypes
import json
import os
import socket
import sys
import threading

from kernel_lab import KernelLab
from lab import HERE, Failure, expect, expect_equal, run, wait_until

GUARDED, BLOCKED = 9001, 9002
ERRORS = ("ENOMEM", "EMFILE", "ENOSPC", "EIO")
BLOCKS = "function filter(hdr, pld, pkt) return pkt.dport ~= PORT end\n"
# Packets of the test are counted as those it has no opinion about: others come too, such as ARP.
OBSERVES = f"function filter(hdr, pld, pkt) if pkt.dport == {GUARDED} or pkt.dport == {BLOCKED} then return nil end return true end\n"
# A map, tables and constants, so that loading has all its parts.
FILTER = """
local seen = map.hash {name = 'seen', key = 'u32', value = 'u32', size = 8}
seen[VERSION] = 1
function filter(hdr, pld, pkt)
  if pld and tostring(pld):match('^[a-z]+%d[x-z]') then seen[1] = 2 end
  return pkt.dport ~= PORT
end
"""


def socket_in(name):
    """A datagram socket that belongs to a namespace: a thread enters it, which ends with this."""
    made = []
    def make():
        with open(f"/run/netns/{name}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) == 0:
                made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    expect(made, f"no socket in namespace {name}")
    return made[0]


class InjectionLab(KernelLab):
    def build(self):
        super().build()
        self.sender = socket_in(self.client.name)
        for port in (GUARDED, BLOCKED):
            self.sender.sendto(b"warm up", (self.address(4), port))
        # Each of its own file: scripts are read again by reload.
        place = self.server.name
        self.scripts = [self.script(FILTER.replace("PORT", str(BLOCKED)).replace("VERSION", str(number)), f"filter{number}.lua")
                        for number in range(2)]
        self.load("guard", self.script(BLOCKS.replace("PORT", str(GUARDED)), "guard.lua"), f"xdp:server0@{place}")
        self.load("tail", self.script(OBSERVES, "tail.lua"), f"tc:server0:in@{place}")
        if self.has_netfilter:
            self.load("end", self.script(OBSERVES, "end.lua"), f"netfilter:input:300@{place}")
        self.places = [f"xdp:server0@{place}", f"tc:server0:in@{place}"]
        if self.has_netfilter:
            self.places += [f"netfilter:{hook}@{place}" for hook in ("prerouting", "input")]
        self.own_pins = self.pins()
        self.observers = [name for name in ("tail", "end") if name == "tail" or self.has_netfilter]

    def pins(self):
        return sorted(os.path.join(folder, name) for folder, folders, files in os.walk(self.bpffs) for name in folders + files
                      if not name.endswith(".debug"))

    def listed(self):
        done = self.perilune("list", "--json", check=False)
        expect(done.returncode == 0, f"list: exit status {done.returncode}: {done.stderr}")
        return {record["filter"]["name"]: record["filter"] for record in map(json.loads, done.stdout.splitlines()) if "filter" in record}

    def counts(self, filters):
        return {"guard": filters["guard"]["counters"]["blocked"],
                **{name: filters[name]["counters"]["no_opinion"] for name in self.observers}}

    def look(self, what):
        """What is listed, and what becomes of a guarded packet and of the other one: "blocked", "through", or what is between."""
        before = self.listed()
        for name in ("guard", *self.observers):
            expect(name in before and all(hook["attached"] for hook in before[name]["hooks"]),
                   f"{name} is touched after {what}: {before.get(name)}")
        at_first = self.counts(before)
        for port in (GUARDED, BLOCKED):
            self.sender.sendto(b"a packet", (self.address(4), port))
        def changed():
            now = self.counts(self.listed())
            return now if now["guard"] > at_first["guard"] else None
        wait_until(changed, f"the guard blocks after {what}", 3)
        now = self.counts(self.listed())
        came = {name: now[name] - at_first[name] for name in now}
        expect_equal(came.pop("guard"), 1, f"guarded packets blocked after {what}")
        expect(max(came.values()) <= 1, f"the guarded packet passed after {what}: {came}")
        passed = sum(came.values())
        return before, "blocked" if passed == 0 else "through" if passed == len(came) else f"half: {came}"

    def entries(self):
        return self.records("show", "under-test")[0]["filter"]["maps"][0]["entries"]

    def inject(self, at, fault, *words):
        done = run([sys.executable, HERE / "fail_at.py", str(at), fault, self.program, *words], env=self.environment)
        told = json.loads(done.stderr.splitlines()[-1])
        return told, done.stdout, done.stderr

    def whole(self, filters, version):
        one = filters.get("under-test")
        return bool(one) and "problem" not in one and one["script"].endswith(f"filter{version}.lua") and \
            len(one["hooks"]) == len(self.places) and all(hook["attached"] for hook in one["hooks"])

    def nothing_of_it(self, what):
        filters, packet = self.look(what)
        expect("under-test" not in filters, f"still listed after {what}: {filters.get('under-test')}")
        expect_equal(packet, "through", f"the packet after {what}")
        expect_equal(self.pins(), self.own_pins, f"pins after {what}")


def load_words(lab):
    return ["load", "under-test", lab.scripts[0], *(word for place in lab.places for word in ("--at", place))]


def prepare(lab, loaded):
    lab.perilune("unload", "under-test", check=False)
    if loaded:
        lab.perilune(*load_words(lab))


def judge_load(lab, what, status, said):
    filters, packet = lab.look(what)
    if lab.whole(filters, 0):
        expect_equal(packet, "blocked", f"the packet with the filter whole after {what}")
        lab.perilune("unload", "under-test")
    elif status > 0:  # all or nothing, and no repair is needed
        expect("under-test" not in filters, f"half loaded after {what}: {filters.get('under-test')}; {said}")
        expect_equal(packet, "through", f"the packet after {what}")
        expect_equal(lab.pins(), lab.own_pins, f"pins after {what}")
    else:
        expect(status != 0, f"exit status 0, and not loaded after {what}: {filters.get('under-test')}")
        # The same command again, then everything goes.
        done = lab.perilune(*load_words(lab), check=False)
        if done.returncode != 0:
            expect("already" in done.stderr, f"loaded again after {what}: {done.stderr}")
        else:
            again, packet = lab.look(f"loading again after {what}")
            expect(lab.whole(again, 0) and packet == "blocked", f"loaded again after {what}: {packet}, {again.get('under-test')}")
        lab.perilune("unload", "under-test")
    lab.nothing_of_it(f"{what}, and its repair")


def judge_reload(lab, what, status, said):
    filters, packet = lab.look(what)
    expect_equal(packet, "blocked", f"the packet after {what}")
    version = 1 if lab.whole(filters, 1) else 0
    expect(lab.whole(filters, version), f"not whole after {what}: {filters.get('under-test')}; {said}")
    if status >= 0:
        expect_equal(version, 1 if status == 0 else 0, f"the script that judges after {what}, exit status {status}; {said}")
    if status > 0:
        expect("unfinished" not in filters["under-test"], f"left unfinished after {what}: {said}")
        expect_equal(lab.entries(), 1, f"entries of the map after {what}")
    # The old script again: whatever the interrupted reload of the new one did is undone.
    if version == 0:
        lab.perilune("reload", "under-test", lab.scripts[0])
        expect_equal(lab.entries(), 1, f"entries of the map after {what} and a reload of the old script")
    lab.perilune("reload", "under-test", lab.scripts[1])
    filters, packet = lab.look(f"reloading again after {what}")
    expect_equal(packet, "blocked", f"the packet with the filter reloaded again after {what}")
    expect(lab.whole(filters, 1) and "unfinished" not in filters["under-test"], f"reloaded again after {what}: {filters['under-test']}")
    lab.perilune("unload", "under-test")
    lab.nothing_of_it(f"{what}, and its repair")


def judge_unload(lab, what, status, said):
    filters, packet = lab.look(what)
    if lab.whole(filters, 0):
        expect(status != 0, f"exit status 0, and loaded after {what}")
        expect_equal(packet, "blocked", f"the packet after {what}")
    if "under-test" in filters:
        expect(status != 0, f"exit status 0, and listed after {what}")
        attached = [hook["attached"] for hook in filters["under-test"].get("hooks", [])]
        if attached and packet == "through":
            expect(not any(attached), f"listed as attached, and packets pass after {what}: {attached}")
        if attached and packet == "blocked":
            expect(any(attached), f"listed as detached, and packets are blocked after {what}: {attached}")
        lab.perilune("unload", "under-test")
    lab.nothing_of_it(f"{what}, and its repair")


COMMANDS = {
    "load": (False, load_words, judge_load),
    "reload": (True, lambda lab: ["reload", "under-test", lab.scripts[1]], judge_reload),
    "unload": (True, lambda lab: ["unload", "under-test"], judge_unload),
}


def calls_of(lab, command):
    """The calls of the command that can fail."""
    loaded, words, _ = COMMANDS[command]
    prepare(lab, loaded)
    told, _, said = lab.inject(0, "none", *words(lab))
    expect_equal(told["status"], 0, f"{command} without a fault: {said}")
    return told["calls"]


def inject_one(lab, command, at, fault):
    loaded, words, judge = COMMANDS[command]
    prepare(lab, loaded)
    told, _, said = lab.inject(at, fault, *words(lab))
    what = f"{command} with {fault} at call {at} ({told['call']})"
    expect(told["status"] != 134 and told["status"] != -6 and told["status"] != -11, f"crashed: {what}: {said}")
    if fault != "kill":
        expect(told["status"] in (0, 1, 2), f"exit status {told['status']}: {what}: {said}")
        if told["status"] != 0:
            expect("error" in said, f"no reason given: {what}: {said}")
    try:
        judge(lab, what, told["status"], said)
    except Failure as failure:
        raise Failure(f"{failure}\n  [{what}] exit status {told['status']}, said: {said}") from None


def unload_all(lab, at, fault):
    """Everything goes; a second time at the latest."""
    prepare(lab, True)
    told, _, said = lab.inject(at, fault, "unload", "--all")
    what = f"unload --all with {fault} at call {at} ({told['call']})"
    if told["status"] == 0:
        expect_equal(lab.pins(), [], f"pins after {what}")
    lab.perilune("unload", "--all")
    lab.expect_nothing_left()
    return told
