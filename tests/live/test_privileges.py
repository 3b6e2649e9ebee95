"""Privileges: what is missing is named, root is not needed, others are kept out, and what is not needed is given up."""
import os
import sys
import shutil

from lab import Filter, Lab, Skip, expect, expect_equal, must, need, run, status_of

PASS = "function filter() return true end\n"
NOBODY = "65534"


def as_nobody(lab, *words):
    setpriv = need("setpriv")
    return lab.server.run(setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", *words)


def program_in(lab):
    """A copy that any user may run."""
    copy = lab.folder / "perilune"
    shutil.copy(lab.program, copy)
    copy.chmod(0o755)
    return copy


def test_queue_names_the_capability(program):
    with Lab(program) as lab:
        done = as_nobody(lab, program_in(lab), "run", lab.script(PASS), "--queue", "1")
        expect_equal(done.returncode, 2, "exit status")
        expect("CAP_NET_ADMIN" in done.stderr and "AmbientCapabilities" in done.stderr, f"unclear: {done.stderr}")
        expect("setcap" not in done.stderr, f"it would hand the firewall to every user: {done.stderr}")


def test_divert_names_the_capability(program):
    with Lab(program) as lab:
        done = as_nobody(lab, program_in(lab), "run", lab.script(PASS), "--divert", "in tcp dport 22")
        expect_equal(done.returncode, 2, "exit status")
        expect("CAP_NET_ADMIN" in done.stderr, f"unclear: {done.stderr}")
        expect_equal(lab.diverts(lab.server), [], "rules")


def test_undivert_names_the_capability(program):
    with Lab(program) as lab:
        done = as_nobody(lab, program_in(lab), "run", "--undivert")
        expect_equal(done.returncode, 2, "exit status")
        expect("CAP_NET_ADMIN" in done.stderr, f"unclear: {done.stderr}")


def judged_by_nobody(program, capabilities):
    """A run by an ordinary user with ambient capabilities, as a service has them; returns what it said."""
    with Lab(program) as lab:
        setpriv = need("setpriv")
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.program = program_in(lab)
        real_start = lab.start
        added = ",".join(f"+{capability}" for capability in capabilities.split(","))

        def start(namespace, *words, **options):
            words = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", f"--inh-caps={added}",
                     f"--ambient-caps={added}", *words)
            return real_start(namespace, *words, **options)

        lab.start = start
        script = lab.script("function filter(hdr, pld) return tostring(pld) == 'no' and 'reject' or true end\n")
        judge = lab.filter(lab.server, script, "--divert", "in udp dport 7", "--json")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "hello", "5"), "hello", "a datagram that passes")
        rejected = lab.ask(lab.client, "udp-ask", lab.address(4), "7", "no")
        expect_equal(judge.stop(), 0, "exit status")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        return rejected, judge.err()


def test_ambient_capabilities(program):
    rejected, said = judged_by_nobody(program, "net_admin,net_raw")
    expect_equal(rejected, "refused", f"the rejected datagram; {said}")


def test_without_net_raw_reject_only_blocks(program):
    rejected, said = judged_by_nobody(program, "net_admin")
    expect_equal(rejected, "nothing", "the rejected datagram")
    expect("CAP_NET_RAW" in said, f"the missing capability is not named: {said}")


def command_as_nobody(groups, *words):
    """The command as a user without any capability; setpriv would keep those that let it start every program."""
    become = "import os, sys; os.setgroups({}); os.setgid({}); os.setuid({}); os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", become.format(groups, NOBODY, NOBODY), *map(str, words)]


def test_only_the_group_may_start_one(program):
    """Capabilities on the file, mode 0750: whoever is not in the group gets nothing."""
    with Lab(program) as lab:
        setcap = need("setcap")
        copy = program_in(lab)
        group = 64999
        os.chown(copy, 0, group)
        copy.chmod(0o750)
        if run([setcap, "cap_net_admin,cap_net_raw+ep", copy]).returncode != 0:
            raise Skip(f"setcap does not work on {lab.folder}")
        script = lab.script(PASS)
        words = (copy, "run", script, "--divert", "in udp dport 7")
        outside = lab.server.run(*command_as_nobody([], *words))
        expect(outside.returncode != 0 and "PermissionError" in outside.stderr, f"a stranger: {outside}")
        expect_equal(lab.diverts(lab.server), [], "rules of a stranger")
        member = lab.start(lab.server, *command_as_nobody([group], *words), kind=Filter)
        member.wait_ready()
        expect_equal(member.stop(), 0, "exit status")


def test_what_is_not_needed_is_given_up(program):
    """No thread has a capability but CAP_NET_ADMIN, which the kernel asks for at each verdict; all are under seccomp."""
    net_admin = 1 << 12
    with Lab(program) as lab:
        judge = lab.filter(lab.server, lab.script(PASS), "--divert", "in udp dport 7")
        threads = status_of(judge.pid)
        expect(len(threads) >= 2, f"threads: {len(threads)}")
        for thread in threads:
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                expect(int(thread[kind], 16) & ~net_admin == 0, f"{kind} of a thread: {thread[kind]}")
            expect_equal((thread["Seccomp"], thread["NoNewPrivs"]), ("2", "1"), "Seccomp and NoNewPrivs of a thread")
        main = next(thread for thread in threads if thread["Pid"] == str(judge.pid))
        expect_equal(int(main["CapEff"], 16), 0, "capabilities of the main thread")
        holder = must(["pgrep", "-P", str(judge.pid)]).split()
        expect_equal(len(holder), 1, "processes that hold the rule")
        wanted = net_admin | 1 << 13
        for thread in status_of(holder[0]):
            expect(int(thread["CapEff"], 16) & ~wanted == 0, f"capabilities of the rule's holder: {thread['CapEff']}")
        expect_equal(judge.stop(), 0, "exit status")
