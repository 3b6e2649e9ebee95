"""A run never opens the firewall by accident: whatever fails, nothing passes unjudged and the rule stays until somebody asks.

What fails here: output, system calls of the process that judges (by strace), that process as a whole, the one that holds the rule.
"""
import os
import signal

from lab import Filter, Lab, expect, expect_equal, must, need, status_of, wait_until

# Blocks what is marked, and writes a line for every packet.
FILTER = """
function filter(hdr, pld, pkt)
  log('%d bytes', #pld)
  return tostring(pld:segment(0, 3)) ~= 'bad'
end
"""


class ClosedLab(Lab):
    def build(self):
        super().build()
        for version in (4, 6):
            self.peer(self.server, "udp-echo", self.address(version), "7")

    def ask_for(self, text, version=4, seconds="1"):
        return self.ask(self.client, "udp-ask", self.address(version), "7", text, seconds)

    def expect_judged(self, what):
        for version in (4, 6):
            expect_equal(self.ask_for("good", version, "10"), "good", f"what may pass, {what}")
            expect_equal(self.ask_for("bad", version, "0.3"), "nothing", f"what is blocked, {what}")

    def expect_closed(self, what):
        for text in ("bad", "good"):
            expect_equal(self.ask_for(text, 4, "0.5"), "nothing", f"'{text}', {what}")
        expect_equal(len(self.diverts(self.server)), 2, f"rules, {what}")

    def judge(self, *options, shell=""):
        """Runs with output redirected by the shell."""
        words = [self.program, "run", self.script(FILTER), "--divert", "in udp dport 7", *options]
        if shell:
            words = ["sh", "-c", f'exec "$@" {shell}', "sh", *words]
        return self.start(self.server, *words, kind=Filter, name=f"{len(self.processes)}-filter")

    def undivert(self):
        must(self.server.command(self.program, "run", "--undivert"))
        expect_equal(self.diverts(self.server), [], "rules after --undivert")
        expect_equal(self.ask_for("bad", 4, "5"), "bad", "traffic after --undivert")


def test_full_disk(program):
    with ClosedLab(program) as lab:
        judge = lab.judge(shell="> /dev/full").wait_ready()
        lab.expect_judged("with a full disk")
        judge.signal(signal.SIGUSR1)
        wait_until(lambda: "lines were lost" in judge.err(), "statistics name the lost lines")
        lab.expect_judged("after statistics")
        expect("No space left on device" in judge.err(), f"it is not said: {judge.err()}")
        expect_equal(judge.stop(), 2, "exit status")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")


def test_output_that_nobody_takes(program):
    """The reader is gone, the descriptors are closed, both are full."""
    with ClosedLab(program) as lab:
        for shell, status in (("| true", None), (">&-", 2), ("2>&-", 0), ("2> /dev/full", 0), ("> /dev/full 2>&1", 2)):
            judge = lab.judge(shell=shell)
            wait_until(lambda: len(lab.diverts(lab.server)) == 2, f"the rules are in place, {shell}")
            lab.expect_judged(shell)
            if status is None:  # a pipeline: the shell is what was started
                must(["pkill", "-TERM", "-g", str(judge.pid), "-x", "perilune"])
                judge.wait()
            else:
                expect_equal(judge.stop(), status, f"exit status, {shell}")
            expect_equal(lab.diverts(lab.server), [], f"rules at the end, {shell}")


def test_a_pipe_that_is_not_read_stops_no_traffic(program):
    with ClosedLab(program) as lab:
        lab.judge("--all", shell="| sleep 1000").wait_ready()
        for round in range(3):
            lab.ask(lab.client, "udp-flood", lab.address(4), "7", "1500", "1")
        lab.expect_judged("with a full pipe")


def test_full_standard_error_stops_no_traffic(program):
    """Nobody reads standard error, and the pipe is full before the run begins: it judges, ends when asked to, and counts what was lost."""
    with ClosedLab(program) as lab:
        pipe = lab.folder / "errors"
        os.mkfifo(pipe)
        end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        fill(end)
        judge = lab.judge("--json", shell=f"2> {pipe}")
        wait_until(lambda: len(lab.diverts(lab.server)) == 2, "the rules are in place")
        lab.expect_judged("with a full standard error")
        fill(end)
        expect_equal(judge.stop(), 0, "exit status")
        expect(judge.summary()["lost_error_lines"] > 3, f"the lost lines are not counted: {judge.summary()}")
        expect_equal(judge.summary()["lost_lines"], 0, "lines of standard output that were lost")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        # The process that holds the rule says its word the same way.
        fill(end)
        judge = lab.judge(shell=f"2> {pipe}")
        wait_until(lambda: len(lab.diverts(lab.server)) == 2, "the rules are in place")
        holder = int(must(["pgrep", "-P", str(judge.pid)]).strip())
        judge.signal(signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{holder}"), "the holder of the rule ends")
        lab.expect_closed("after the run was killed")
        os.close(end)


def fill(pipe):
    """Until nothing has room."""
    try:
        while True:
            os.write(pipe, b"x")
    except BlockingIOError:
        pass


def inject(lab, judge, call, error, when=""):
    """From now on the run's calls fail, those of the range `when` or all of them; kill() the result to let them work again."""
    strace = lab.start(lab.server, need("strace"), "-f", "-q", "-o", lab.folder / "calls", "-p", str(judge.pid),
                       "-e", f"trace={call}", "-e", f"inject={call}:error={error}{when and ':when=' + when}")
    wait_until(lambda: all(thread["TracerPid"] != "0" for thread in status_of(judge.pid)), "strace is attached")
    return strace


def failing(program, call, *errors):
    """Some calls fail and then work again: the run goes on, and nothing that is blocked passes."""
    with ClosedLab(program) as lab:
        judge = lab.judge().wait_ready()
        for error in errors:
            strace = inject(lab, judge, call, error, "1..6")
            for text in ("good", "bad", "good", "bad"):
                came = lab.ask_for(text, 4, "0.3")
                expect(text == "good" or came == "nothing", f"'{text}' came back, {call} {error}")
            expect_equal(len(lab.diverts(lab.server)), 2, f"rules, {call} {error}")
            expect("INJECTED" in (lab.folder / "calls").read_text(), f"no {call} failed: nothing was tried")
            lab.expect_judged(f"after {call} {error}")
            strace.signal(signal.SIGTERM)
            strace.wait()
            expect(judge.running(), f"{call} {error}: it ended: {judge.err()}")
        status = judge.stop()
        lost = "lines were lost" in judge.err()  # also where waiting for standard output fails
        expect_equal(status, 2 if lost else 0, f"exit status; {judge.err()}")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        return lost


ERRORS = ("ENOMEM", "EMFILE", "ENOSPC", "EIO")


def test_reading_packets_fails(program):
    expect(not failing(program, "recvmmsg", *ERRORS), "lines of output were lost")


def test_waiting_for_packets_fails(program):
    failing(program, "poll", *ERRORS)


def test_sending_verdicts_fails(program):
    expect(not failing(program, "sendto", *ERRORS), "lines of output were lost")


def test_writing_output_fails(program):
    expect(failing(program, "write", "EIO"), "it is not said that lines were lost")


def test_reading_never_works(program):
    """Nothing passes, and the rule stays as long as nobody asks for the end; when it works again, so does the run."""
    with ClosedLab(program) as lab:
        judge = lab.judge().wait_ready()
        strace = inject(lab, judge, "recvmmsg", "ENOMEM")
        lab.expect_closed("while packets cannot be read")
        expect("ENOMEM" in judge.err() and judge.running(), f"it is not said, or it ended: {judge.err()}")
        strace.signal(signal.SIGTERM)
        strace.wait()
        lab.expect_judged("once packets can be read again")


def test_a_forbidden_system_call_ends_the_run_closed(program):
    """The signal that such a call gets."""
    with ClosedLab(program) as lab:
        judge = lab.judge().wait_ready()
        lab.expect_judged("at first")
        judge.signal(signal.SIGSYS)
        expect(judge.wait() != 0, "exit status")
        wait_until(lambda: "its divert rule stays" in judge.err(), "it is said that the rule stays")
        lab.expect_closed("after a forbidden system call")
        lab.undivert()


def ended_by(program, number):
    with ClosedLab(program) as lab:
        judge = lab.judge().wait_ready()
        lab.expect_judged("at first")
        judge.signal(number)
        expect(judge.wait() != 0, "exit status")
        wait_until(lambda: "its divert rule stays" in judge.err(), "it is said that the rule stays")
        lab.expect_closed(f"after signal {number}")
        again = lab.judge().wait_ready()
        lab.expect_judged("in the next run")
        expect_equal(again.stop(), 0, "exit status of the next run")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")


def test_crash(program):
    ended_by(program, signal.SIGSEGV)


def test_abort(program):
    ended_by(program, signal.SIGABRT)


def test_quit(program):
    ended_by(program, signal.SIGQUIT)


def test_the_holder_of_the_rule_is_killed(program):
    with ClosedLab(program) as lab:
        judge = lab.judge().wait_ready()
        holder = must(["pgrep", "-P", str(judge.pid)]).strip()
        os.kill(int(holder), signal.SIGKILL)
        lab.expect_judged("without the rule's holder")
        expect_equal(judge.stop(), 2, "exit status")
        expect("--undivert" in judge.err(), f"it does not say what to do: {judge.err()}")
        lab.expect_closed("at the end")
        lab.undivert()


def test_two_starts_take_two_queues(program):
    with ClosedLab(program) as lab:
        script = lab.script(FILTER)  # once: a filter that starts must not find it half written
        runs = [lab.filter(lab.server, script, "--divert", f"in udp dport {port}", ready=False) for port in (7, 8, 9)]
        for run in runs:
            run.wait_ready()
        queues = [run.err().split("judging queue ")[1].split(";")[0] for run in runs]
        expect_equal(sorted(queues), ["20000", "20001", "20002"], "queues")
        lab.expect_judged("by one of three")


def test_what_one_run_blocks_another_does_not_open(program):
    """Whoever came first is asked; one that was killed keeps closed what it diverted."""
    with ClosedLab(program) as lab:
        first = lab.judge().wait_ready()
        everything = lab.script("function filter() return true end\n", "everything.lua")
        second = lab.filter(lab.server, everything, "--divert", "in udp")
        expect(f"process {first.pid} diverts packets, too" in second.err(), f"not said: {second.err()}")
        lab.expect_judged("by the first of two")
        first.signal(signal.SIGKILL)
        first.wait()
        wait_until(lambda: "its divert rule stays" in first.err(), "the holder of the rule ends")
        lab_rules = lambda: len(lab.diverts(lab.server))
        expect_equal(lab_rules(), 4, "rules of both")
        for text in ("bad", "good"):
            expect_equal(lab.ask_for(text, 4, "0.5"), "nothing", f"'{text}' after the first was killed")
        expect_equal(second.stop(), 0, "exit status of the second")
        third = lab.filter(lab.server, everything, "--divert", "in udp")
        expect("its rule stays" in third.err(), f"not said: {third.err()}")
        for text in ("bad", "good"):
            expect_equal(lab.ask_for(text, 4, "0.5"), "nothing", f"'{text}' with the third")
        expect_equal(third.stop(), 0, "exit status of the third")
        again = lab.judge().wait_ready()
        lab.expect_judged("by the first one, started again")
        expect_equal(again.stop(), 0, "exit status")
        expect_equal(lab_rules(), 0, "rules at the end")


def test_no_such_interface(program):
    with ClosedLab(program) as lab:
        judge = lab.filter(lab.server, lab.script(FILTER), "--divert", "in udp dport 7 on nosuch0", ready=False)
        expect_equal(judge.wait(), 1, f"exit status; {judge.err()}")
        expect("nosuch0" in judge.err() and "ready" not in judge.err(), f"unclear: {judge.err()}")
        expect_equal(lab.diverts(lab.server), [], "rules")
        waiting = lab.filter(lab.server, lab.script(FILTER), "--divert", "in udp dport 7 on later0", "--wait-interface")
        expect("later0 is not there yet" in waiting.err(), f"unclear: {waiting.err()}")
        lab.server.setup("ip link set server0 down\nip link set server0 name later0\nip link set later0 up\n"
                         "ip -6 addr replace fd77::1/64 dev later0 nodad")
        lab.expect_judged("at an interface that came later")


def test_alternative_names_and_renamed_interfaces(program):
    script = "function filter(hdr, pld, pkt) log('at %s', pkt.interface) return tostring(pld) ~= 'bad' end\n"
    with ClosedLab(program) as lab:
        if lab.server.run("ip", "link", "property", "add", "dev", "server0", "altname", "the-outside").returncode != 0:
            return
        judge = lab.filter(lab.server, lab.script(script), "--divert", "in udp dport 7 on the-outside", "--json")
        lab.expect_judged("by an alternative name")
        lab.server.setup("ip link set server0 down\nip link set server0 name wan0\nip link set wan0 up\n"
                         "ip -6 addr replace fd77::1/64 dev wan0 nodad")
        wait_until(lambda: "is now called wan0" in judge.err(), "the rule follows the name")
        lab.expect_judged("after the interface was renamed")
        names = [record["log"]["text"] for record in judge.records() if "log" in record]
        expect_equal((names[0], names[-1]), ("at server0", "at wan0"), "pkt.interface before and after")
        expect_equal(judge.stop(), 0, "exit status")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
