"""What a live run does when a system call fails once, in each of its threads, while packets flow and while it ends (by strace).

Nothing that is blocked passes, ever. What can go on goes on; a run that cannot ends with an error that says so and an exit status
that is not 0, and its rule stays.
"""
import signal

from lab import Filter, Lab, expect, expect_equal, must, need, status_of, wait_until

# Passes, blocks, rejects, answers, and writes lines with the interface's name.
FILTER = """
function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 3))
  log('%s at %s', word, pkt.interface)
  if word == 'bad' then return false end
  if word == 'rej' then return 'reject' end
  return true
end
"""
# Every call that a run makes once it judges, with the errors that it can fail with.
FAULTS = {
    "recvmmsg": ("ENOMEM", "ENOBUFS", "EINTR", "EAGAIN", "EIO"),
    "sendto": ("ENOMEM", "ENOBUFS", "EINTR", "EAGAIN", "EIO"),
    "poll": ("EINTR", "ENOMEM", "EINVAL"),
    "write": ("EINTR", "EAGAIN", "EIO", "ENOSPC", "EPIPE"),
    "read": ("EINTR", "EAGAIN", "EIO"),
    "pread64": ("EINTR", "EIO", "ENOMEM"),
    "recvfrom": ("EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"),
    "ioctl": ("ENOMEM", "ENODEV", "EIO"),
    "rt_sigtimedwait": ("EINTR", "EAGAIN"),
    "rt_sigprocmask": ("EINVAL",),
    "futex": ("EINTR", "EAGAIN"),
    "mmap": ("ENOMEM",),
    "brk": ("ENOMEM",),
    "mprotect": ("ENOMEM",),
    "munmap": ("ENOMEM",),
    "madvise": ("ENOMEM", "EINVAL"),
    "wait4": ("EINTR", "ECHILD"),
    "clock_nanosleep": ("EINTR",),
    "lseek": ("ESPIPE",),
    "newfstatat": ("EIO",),
    "fstat": ("EIO",),
    "getrandom": ("EINTR", "EAGAIN"),
}
# These have no way to fail, or end the thread. close() lets go of the descriptor whatever it returns.
CANNOT_FAIL = {"close", "exit", "exit_group", "gettid", "getpid", "rt_sigreturn", "restart_syscall", "sched_yield", "rseq", "set_robust_list"}


class LiveLab(Lab):
    def build(self):
        super().build()
        self.peer(self.server, "udp-echo", self.address(4), "7")
        self.strace = need("strace")

    def ask_for(self, text, seconds):
        return self.ask(self.client, "udp-ask", self.address(4), "7", text, seconds)

    def judge(self):
        return self.start(self.server, self.program, "run", self.script(FILTER), "--divert", "in udp dport 7", kind=Filter).wait_ready()

    def watch(self, judge, *options):
        """strace on all threads of the run; the process that holds its rule is not among them."""
        calls = self.folder / "calls"
        calls.write_text("")
        self.start(self.server, self.strace, "-f", "-q", "-o", calls, "-p", str(judge.pid), *options)
        wait_until(lambda: all(thread["TracerPid"] != "0" for thread in status_of(judge.pid)), "strace is attached")
        return calls

    def traffic(self, judge):
        """What comes back: never what is blocked; the others may be lost to a fault."""
        for text in ("good", "bad", "rej", "good", "bad"):
            came = self.ask_for(text, "0.2")
            expect(text == "good" or came != text, f"'{text}' came back")
        if judge.running():
            judge.signal(signal.SIGUSR1)


def calls_made(lab):
    """The names of the calls that a run makes from the time it judges."""
    judge = lab.judge()
    calls = lab.watch(judge)
    lab.traffic(judge)
    lab.ask_for("good", "5")
    expect_equal(judge.stop(), 0, f"exit status: {judge.err()}")
    names = set()
    for line in calls.read_text().splitlines():
        word = line.split(None, 1)[1].split("(")[0].strip() if " " in line else ""
        if word.isidentifier():
            names.add(word)
    return names


def inject_live(lab, call, error, when):
    """False: the run made fewer such calls, and nothing failed."""
    what = f"{call} failing with {error} at its call {when}"
    judge = lab.judge()
    calls = lab.watch(judge, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")
    lab.traffic(judge)
    if judge.running():
        wait_until(lambda: not judge.running() or lab.ask_for("good", "1") == "good", f"it judges again with {what}; {judge.err()}")
    ended_early = not judge.running()
    if not ended_early:
        expect(lab.ask_for("bad", "0.2") == "nothing", f"what is blocked passes with {what}")
        judge.signal(signal.SIGTERM)
    wait_until(lambda: not judge.running(), f"it ends with {what}; {judge.err()}")
    status, said = judge.wait(), judge.err()
    injected = "INJECTED" in calls.read_text()
    rules = lab.diverts(lab.server)
    if status == 0:
        expect(not ended_early, f"it ended without being asked to, with {what}: {said}")
        expect_equal(rules, [], f"rules at the end with {what}: {said}")
    else:
        expect(injected, f"exit status {status} without a fault: {said}")
        expect("error" in said or "stays" in said, f"exit status {status} without a reason, with {what}: {said}")
        expect(not ended_early or rules, f"a run that ended by itself took its rule away, with {what}: {said}")
        if rules:
            wait_until(lambda: "stays" in judge.err() or "--undivert" in judge.err(), f"it is said that the rule stays, with {what}")
            for text in ("good", "bad"):
                expect_equal(lab.ask_for(text, "0.3"), "nothing", f"'{text}' with the rule that stayed, with {what}")
            must(lab.server.command(lab.program, "run", "--undivert"))
    expect_equal(lab.diverts(lab.server), [], f"rules afterwards, with {what}")
    return injected


def all_cases():
    return [(call, error, when) for call, errors in FAULTS.items() for error in errors for when in (1, 2, 4)]
