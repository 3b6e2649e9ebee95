"""The filter of 2014 against a real OpenSSH client and server."""
import pathlib
import re
import subprocess

from lab import ROOT, Lab, expect, expect_equal, need, run, wait_until


class SshLab(Lab):
    """An sshd on the server that lets root in with a key made here."""

    def build(self):
        super().build()
        self.ssh, sshd, keygen = need("ssh", "sshd", "ssh-keygen")
        self.host_key, self.user_key = self.folder / "host_key", self.folder / "user_key"
        for key in (self.host_key, self.user_key):
            run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key])
        (self.folder / "authorized").write_text(self.user_key.with_suffix(".pub").read_text())
        # sshd insists on its privilege separation directory; made in a mount namespace of sshd's own.
        start = f"mkdir -p /run/sshd 2>/dev/null || {{ mount -t tmpfs none /run && mkdir /run/sshd; }}; exec {sshd} \"$@\""
        self.sshd = self.start(self.server, "unshare", "-m", "sh", "-c", start, "sshd", "-D", "-e", "-f", "/dev/null",
                               "-p", "22", "-h", self.host_key, "-o", f"AuthorizedKeysFile={self.folder}/authorized",
                               "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes", "-o", "PidFile=none")
        wait_until(lambda: "Server listening" in self.sshd.err(), "sshd listens")

    def command(self, version, remote):
        return [self.ssh, "-F", "none", "-i", self.user_key, "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", f"root@{self.address(version)}", remote]

    def login(self, version, seconds=30):
        """The exit status of `ssh ... echo reached`, what it printed, and its complaint; None when it hangs, as it does for ever once
        its banner is lost."""
        try:
            done = self.client.run(*self.command(version, "echo reached"), timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout.strip(), done.stderr

    def banner(self):
        """The client's software version, such as OpenSSH_9.2p1."""
        text = run([self.ssh, "-V"]).stderr
        return re.match(r"[^\s,]+", text).group()

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
        session = lab.start(lab.client, *lab.command(4, "echo begin; sleep 4; echo end"))
        wait_until(lambda: "begin" in session.out(), "the session begins")
        judge = lab.filter(lab.server, lab.ssh_filter(lab.banner()), "--divert", "in tcp dport 22", "--json")
        expect_equal(session.wait(), 0, "the session's exit status")
        expect("end" in session.out(), "the session did not end as it should")
        judge.stop()
