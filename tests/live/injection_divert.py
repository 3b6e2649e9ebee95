"""What `run --divert` and `run --undivert` leave behind when one of their system calls, or of the packet filter's tools that they start,
fails, or when they are killed at one.

Another run, the guard, blocks "bad" on port 8 all the time. The run under test does the same on port 7. Afterwards either no rule is
left, or one that keeps port 7 closed, which the next run of the same filter replaces and --undivert removes.
"""
import json
import signal
import sys

from injection import socket_in
from lab import HERE, Failure, Filter, Lab, expect, expect_equal, must, wait_until

FILTER = "function filter(hdr, pld, pkt) return tostring(pld:segment(0, 3)) ~= 'bad' end\n"
GUARDED, TESTED = "8", "7"


class DivertLab(Lab):
    def build(self):
        super().build()
        for port in (GUARDED, TESTED):
            self.peer(self.server, "udp-echo", self.address(4), port)
        self.guard = self.filter(self.server, self.script(FILTER, "guard.lua"), "--divert", f"in udp dport {GUARDED}")
        self.guards_rules = self.diverts(self.server)
        self.tested = self.script(FILTER, "tested.lua")

    def answer(self, text, port, seconds):
        """What comes back of one datagram, in this process: a program more for each question would take most of the time."""
        with socket_in(self.client.name) as asker:
            asker.settimeout(seconds)
            asker.connect((self.address(4), int(port)))
            try:
                asker.send(text.encode())
                return asker.recv(100).decode()
            except TimeoutError:
                return "nothing"
            except ConnectionRefusedError:
                return "refused"

    def comes(self, text, port=TESTED):
        if text == "good":
            return self.answer(text, port, 10) == text
        return self.bad_comes(port)

    def bad_comes(self, port):
        """Asked together with "good", whose answer says that what was sent before it has been judged: no long wait for nothing."""
        with socket_in(self.client.name) as asker:
            asker.settimeout(0.2)
            asker.connect((self.address(4), int(port)))
            came = []
            try:
                asker.send(b"bad")
                asker.send(b"good")
                for _ in range(2):
                    came.append(asker.recv(100))
                    asker.settimeout(0.02)
            except (TimeoutError, ConnectionRefusedError):
                pass
            return b"bad" in came

    def closed(self):
        return self.answer("good", TESTED, 0.3) == "nothing"

    def left(self):
        rules = self.diverts(self.server)
        expect(set(self.guards_rules) <= set(rules), f"a rule of the guard is gone: {rules}")
        return [rule for rule in rules if rule not in self.guards_rules]

    def run_words(self):
        return [self.program, "run", self.tested, "--divert", f"in udp dport {TESTED}"]

    def faulty(self, at, fault, *words):
        return self.start(self.server, sys.executable, HERE / "fail_at.py", at, fault, *words, kind=Filter)

    def leave_a_rule(self):
        run = self.start(self.server, *self.run_words(), kind=Filter).wait_ready()
        run.signal(signal.SIGKILL)
        run.wait()
        wait_until(lambda: "its divert rule stays" in run.err(), "the holder of the rule ends")

    def expect_guarded(self, what):
        expect(self.guard.running(), f"the guard ended after {what}: {self.guard.err()}")
        expect(self.comes("good", GUARDED) and not self.comes("bad", GUARDED), f"the guard's traffic after {what}")

    def repair(self, what):
        """The next run of the same filter, to its orderly end; then --undivert has nothing to do."""
        run = self.start(self.server, *self.run_words(), kind=Filter).wait_ready()
        expect(self.comes("good") and not self.comes("bad"), f"the next run judges after {what}")
        expect_equal(run.stop(), 0, f"exit status of the next run after {what}: {run.err()}")
        expect_equal(self.left(), [], f"rules after {what} and the next run")
        expect(self.comes("bad"), f"traffic is closed after {what} and the next run")


def told_by(process):
    process.wait(60)
    return json.loads(process.err().splitlines()[-1])


def inject_divert(lab, at, fault):
    process = lab.faulty(at, fault, *lab.run_words())
    wait_until(lambda: "ready:" in process.err() or not process.running(), "the run is ready or ends")
    judged = process.running()
    if judged:
        expect(not lab.comes("bad"), f"what is blocked passes with {fault} at call {at}; {process.err()}")
        # It may have been killed in the meantime, at a call of the loop.
        expect(lab.comes("good") or not process.running(), f"what may pass does not with {fault} at call {at}; {process.err()}")
        judged = process.running()
    if judged:
        process.signal(signal.SIGTERM)
    told, said, left = told_by(process), process.err(), lab.left()
    what = f"run --divert with {fault} at call {at} ({told['call']}), exit status {told['status']}"
    killed = told["status"] < 0
    expect(not killed or fault == "kill" or fault == "kill-one", f"crashed: {what}: {said}")
    if told["status"] == 0:
        expect_equal(left, [], f"rules after {what}: {said}")
    elif left:
        # One of two is left when a run that was asked to end could not take it away: the other's packets pass.
        expect((judged and len(left) < 2) or lab.closed(), f"rules stay, and packets pass after {what}: {left}")
        expect(killed or "stays" in said or "--undivert" in said or "remove it with" in said, f"it is not said that rules stay after {what}: {said}; {left}")
    if told["status"] > 0:
        expect("error" in said, f"no reason given: {what}: {said}")
    lab.expect_guarded(what)
    lab.repair(what)
    return told


def inject_undivert(lab, at, fault):
    lab.leave_a_rule()
    process = lab.faulty(at, fault, lab.program, "run", "--undivert")
    told, said, left = told_by(process), process.err(), lab.left()
    what = f"run --undivert with {fault} at call {at} ({told['call']}), exit status {told['status']}"
    if told["status"] == 0:
        expect(not left, f"rules after {what}: {said}: {left}")
        expect("removed" in process.out(), f"nothing is said to be removed: {what}: {process.out()}")
    elif told["status"] > 0:
        expect("error" in said, f"no reason given: {what}: {said}")
    else:
        expect(fault in ("kill", "kill-one"), f"crashed: {what}: {said}")
    if left:
        expect(len(left) < 2 or lab.closed(), f"rules stay, and packets pass after {what}: {left}")
    lab.expect_guarded(what)
    must(lab.server.command(lab.program, "run", "--undivert"))
    expect_equal(lab.left(), [], f"rules after {what} and --undivert")
    lab.repair(what)
    return told


COMMANDS = {"divert": inject_divert, "undivert": inject_undivert}


def inject_one(lab, command, at, fault):
    try:
        return COMMANDS[command](lab, at, fault)
    except Failure as failure:
        raise Failure(f"{failure}\n  [{command} with {fault} at call {at}]") from None
