"""How a run ends: signals, kill -9, leftovers, statistics."""
import signal

from lab import Lab, expect, expect_equal, wait_until

PASS = "function filter() return true end\n"


class EchoLab(Lab):
    def build(self):
        super().build()
        for version in (4, 6):
            self.peer(self.server, "udp-echo", self.address(version), "7")

    def alive(self, version=4):
        """Does traffic flow?"""
        return self.ask(self.client, "udp-ask", self.address(version), "7", "hello", "3") == "hello"

    def judge(self, *options, script=PASS, divert="in udp dport 7"):
        return self.filter(self.server, self.script(script), "--divert", divert, "--json", *options)


def test_kill_9_fail_closed(program):
    with EchoLab(program) as lab:
        judge = lab.judge()
        expect(lab.alive(4) and lab.alive(6), "no traffic through the filter")
        judge.signal(signal.SIGKILL)
        judge.wait()
        expect(not lab.alive(4) and not lab.alive(6), "traffic passes although the filter is dead")
        expect_equal(len(lab.diverts(lab.server)), 2, "rules that are left behind")


def test_kill_9_fail_open(program):
    with EchoLab(program) as lab:
        judge = lab.judge("--fail-open", script="function filter(hdr, pld) return tostring(pld) ~= 'hello' end\n")
        expect(not lab.alive(4) and not lab.alive(6), "the filter does not judge")
        judge.signal(signal.SIGKILL)
        judge.wait()
        expect(lab.alive(4) and lab.alive(6), "traffic is stopped although fail-open was asked for")


def test_leftover_is_removed_at_the_next_start(program):
    with EchoLab(program) as lab:
        first = lab.judge()
        first.signal(signal.SIGKILL)
        first.wait()
        left = lab.diverts(lab.server)
        second = lab.judge()
        now = lab.diverts(lab.server)
        expect_equal(len(now), 2, "rules of the second run")
        expect(not set(left) & set(now), f"the leftover is still there: {now}")
        expect(lab.alive(4) and lab.alive(6), "no traffic through the second run")
        second.stop()
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        expect(lab.alive(4) and lab.alive(6), "no traffic at the end")


def test_leftovers_of_other_filters_stay_closed(program):
    """The next start of another filter, or of the same one on other traffic, opens nothing; each rule that stays is named."""
    with EchoLab(program) as lab:
        first = lab.judge()
        first.signal(signal.SIGKILL)
        first.wait()
        left = lab.diverts(lab.server)
        other = lab.folder / "other.lua"
        other.write_text(PASS)
        for script, divert in ((other, "in udp dport 9"), (other, "in udp dport 7 on server0"), (lab.script(PASS), "in udp dport 9")):
            second = lab.filter(lab.server, script, "--divert", divert)
            expect(set(left) <= set(lab.diverts(lab.server)), f"a rule of another filter was removed: {lab.diverts(lab.server)}")
            expect(not lab.alive(), f"traffic of the ended run passes with {script.name} {divert}")
            expect_equal(second.err().count("its rule stays"), 2, f"notes on rules that stay: {second.err()}")
            expect(f"(of process {first.pid})" in second.err() and "-D INPUT" in second.err(), f"no command is named: {second.err()}")
            expect_equal(second.stop(), 0, "exit status")
            expect_equal(sorted(lab.diverts(lab.server)), sorted(left), "rules of the ended run")
            expect(not lab.alive(), "traffic passes although its filter is dead")
        again = lab.judge()
        expect(not set(left) & set(lab.diverts(lab.server)), "the same filter, started again, does not replace its rule")
        expect(lab.alive(4) and lab.alive(6), "no traffic through the filter that was started again")
        expect_equal(again.stop(), 0, "exit status")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")


def test_running_filters_keep_their_rules(program):
    with EchoLab(program) as lab:
        first = lab.judge("--queue", "1")
        second = lab.judge("--queue", "2", divert="in udp dport 8")
        expect_equal(len(lab.diverts(lab.server)), 4, "rules of two runs")
        second.stop()
        expect_equal(len(lab.diverts(lab.server)), 2, "rules of the run that is left")
        expect(lab.alive(), "no traffic through the run that is left")
        first.stop()
        expect_equal(lab.diverts(lab.server), [], "rules at the end")


def test_undivert(program):
    with EchoLab(program) as lab:
        judge = lab.judge()
        judge.signal(signal.SIGKILL)
        judge.wait()
        done = lab.server.run(lab.program, "run", "--undivert")
        expect_equal(done.returncode, 0, f"exit status of --undivert ({done.stderr})")
        expect(done.stdout.count("removed") == 2 and str(judge.pid) in done.stdout, f"it does not say what it removed: {done.stdout}")
        expect_equal(lab.diverts(lab.server), [], "rules after --undivert")
        expect(lab.alive(4) and lab.alive(6), "no traffic after --undivert")
        again = lab.server.run(lab.program, "run", "--undivert")
        expect_equal(again.returncode, 0, "exit status when there is nothing to remove")


def ends(program, number):
    with EchoLab(program) as lab:
        judge = lab.judge()
        expect(lab.alive(), "no traffic through the filter")
        judge.signal(number)
        expect_equal(judge.wait(3), 0, f"exit status; {judge.err()}")
        expect_equal(judge.summary()["packets"], 1, "packets in the summary")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        expect(lab.alive(), "no traffic afterwards")


def test_the_same_signal_twice_at_once(program):
    """As timeout(1) sends it: to the program, and to the group it is in."""
    with EchoLab(program) as lab:
        judge = lab.judge()
        expect(lab.alive(), "no traffic through the filter")
        judge.signal(signal.SIGINT)
        judge.signal(signal.SIGINT)
        expect_equal(judge.wait(3), 0, f"exit status; {judge.err()}")
        expect_equal(judge.summary()["packets"], 1, "packets in the summary")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")


def test_sigterm(program):
    ends(program, signal.SIGTERM)


def test_ctrl_c(program):
    ends(program, signal.SIGINT)


def test_hangup(program):
    ends(program, signal.SIGHUP)


def test_what_is_queued_is_judged_before_the_end(program):
    """A slow filter that is told to stop in the middle of a burst still answers every packet."""
    slow = "function filter() local n = 0 for i = 1, 20000 do n = n + i end return true end\n"
    with EchoLab(program) as lab:
        collector = lab.peer(lab.server, "udp-collect", lab.address(4), "5000", "1000000")
        judge = lab.judge(script=slow, divert="in udp dport 5000")
        # 1,200 packets fit into the sender's window: they are all queued at once.
        sender = lab.peer(lab.client, "udp-burst", lab.address(4), "5000", "1200")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        expect_equal(sender.wait(), 0, "the sender's exit status")
        expect_equal(collector.wait(), 0, "the collector's exit status")
        expect("came 1200 bad 0 disorder 0" in collector.out(), f"what came: {collector.out()}")


def test_sigusr1_prints_statistics(program):
    with EchoLab(program) as lab:
        judge = lab.judge()
        expect(lab.alive(), "no traffic through the filter")
        for packets in (1, 2):
            judge.signal(signal.SIGUSR1)
            printed = wait_until(lambda: [r["statistics"] for r in judge.records() if "statistics" in r][packets - 1:],
                                 "statistics are printed")
            expect_equal(printed[0]["packets"], packets, "packets in the statistics")
            expect(lab.alive(), "no traffic after the signal")
        expect_equal(judge.stop(), 0, "the filter's exit status")
        expect_equal(judge.summary()["packets"], 3, "packets at the end")


def test_queue_that_is_taken(program):
    with EchoLab(program) as lab:
        first = lab.judge("--queue", "3")
        second = lab.filter(lab.server, lab.script(PASS), "--queue", "3", ready=False)
        expect_equal(second.wait(), 2, "exit status")
        expect(f"queue 3 is already taken by process {first.pid} (perilune)" in second.err(), f"unclear: {second.err()}")
        expect(lab.alive(), "the first run was disturbed")


def test_script_that_does_not_load_changes_nothing(program):
    with EchoLab(program) as lab:
        judge = lab.filter(lab.server, lab.script("function filter( return true end\n"), "--divert", "in udp dport 7", ready=False)
        expect_equal(judge.wait(), 1, "exit status")
        expect("filter.lua:1" in judge.err(), f"unclear: {judge.err()}")
        expect_equal(lab.diverts(lab.server), [], "rules")
        expect(lab.alive(), "traffic was cut")


def test_wrong_divert_rule(program):
    with EchoLab(program) as lab:
        judge = lab.filter(lab.server, lab.script(PASS), "--divert", "in tpc dport 22", ready=False)
        expect_equal(judge.wait(), 1, "exit status")
        expect("word 2, 'tpc'" in judge.err(), f"unclear: {judge.err()}")
