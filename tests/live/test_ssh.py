"""The filter of 2014 against a real OpenSSH client and server."""
import pathlib

from lab import ROOT, Lab, expect, expect_equal, wait_until
from services import Ssh


class SshLab(Ssh, Lab):
    def ssh_filter(self, version):
        text = (pathlib.Path(ROOT) / "examples/ssh.lua").read_text()
        expect("'OpenSSH_6.4'" in text, "examples/ssh.lua is not the filter of 2014")
        return self.script(text.replace("'OpenSSH_6.4'", f"'{version}'"))


def banner_blocked(program, version):
    with SshLab(program) as lab:
        status, out, err = lab.login(version)
        expect_equal((status, out), (0, "reached"), f"ssh without a filter ({err})")

        other = lab.filter(lab.server, lab.ssh_filter("OpenSSH_6.4"), "--divert", "in tcp dport ssh", "--json", "--all")
        status, out, err = lab.login(version)
        expect_equal((status, out), (0, "reached"), f"ssh with a filter for another client ({err})")
        expect_equal(other.stop(), 0, "the filter's exit status")
        expect(other.summary()["packets"] > 10 and other.summary()["blocked"] == 0, f"summary {other.summary()}")

        ours = lab.filter(lab.server, lab.ssh_filter(lab.banner()), "--divert", "in tcp dport ssh", "--json")
        status, out, err = lab.login(version, seconds=4)
        expect_equal((status, out), (None, ""), f"ssh through the filter ({err})")
        expect_equal(ours.stop(), 0, "the filter's exit status")
        expect(ours.summary()["blocked"] >= 1, f"nothing was blocked: {ours.summary()}")
        expect_equal(lab.diverts(lab.server), [], "rules after the end")

        status, out, err = lab.login(version)
        expect_equal((status, out), (0, "reached"), f"ssh after the filter ended ({err})")


def test_banner_blocked_over_ipv4(program):
    banner_blocked(program, 4)


def test_banner_blocked_over_ipv6(program):
    banner_blocked(program, 6)


def test_started_during_a_connection(program):
    """A connection made before the filter goes on; only the banner is looked for."""
    with SshLab(program) as lab:
        session = lab.start(lab.client, *lab.ssh_command(4, "echo begin; sleep 4; echo end"))
        wait_until(lambda: "begin" in session.out(), "the session begins")
        judge = lab.filter(lab.server, lab.ssh_filter(lab.banner()), "--divert", "in tcp dport 22", "--json")
        expect_equal(session.wait(), 0, "the session's exit status")
        expect("end" in session.out(), "the session did not end as it should")
        judge.stop()
