"""Without root: what is missing is named; with capabilities on the file, root is not needed."""
import shutil

from lab import Lab, Skip, expect, expect_equal, need, run

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
        expect("CAP_NET_ADMIN" in done.stderr and "setcap" in done.stderr, f"unclear: {done.stderr}")


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
    """A run by an ordinary user with capabilities on the file; returns what it said."""
    with Lab(program) as lab:
        setpriv, setcap = need("setpriv", "setcap")
        copy = program_in(lab)
        done = run([setcap, f"{capabilities}+ep", copy])
        if done.returncode != 0:
            raise Skip(f"setcap does not work on {lab.folder}: {done.stderr.strip()}")
        lab.peer(lab.server, "udp-echo", lab.address(4), "7")
        lab.program = copy
        real_start = lab.start

        def start(namespace, *words, **options):
            words = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *words)
            return real_start(namespace, *words, **options)

        lab.start = start
        script = lab.script("function filter(hdr, pld) return tostring(pld) == 'no' and 'reject' or true end\n")
        judge = lab.filter(lab.server, script, "--divert", "in udp dport 7", "--json")
        expect_equal(lab.ask(lab.client, "udp-ask", lab.address(4), "7", "hello", "5"), "hello", "a datagram that passes")
        rejected = lab.ask(lab.client, "udp-ask", lab.address(4), "7", "no")
        expect_equal(judge.stop(), 0, "exit status")
        expect_equal(lab.diverts(lab.server), [], "rules at the end")
        return rejected, judge.err()


def test_capabilities_on_the_file(program):
    rejected, said = judged_by_nobody(program, "cap_net_admin,cap_net_raw")
    expect_equal(rejected, "refused", f"the rejected datagram; {said}")


def test_without_net_raw_reject_only_blocks(program):
    rejected, said = judged_by_nobody(program, "cap_net_admin")
    expect_equal(rejected, "nothing", "the rejected datagram")
    expect("CAP_NET_RAW" in said, f"the missing capability is not named: {said}")
