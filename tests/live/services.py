"""Servers that real clients talk to. Each goes before a Lab among the bases: `class SshLab(Ssh, Lab)`."""
import re
import shutil
import ssl
import subprocess

from lab import expect, must, need, run, wait_until


class Ssh:
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

    def ssh_command(self, version, remote):
        return [self.ssh, "-F", "none", "-i", self.user_key, "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", f"root@{self.address(version)}", remote]

    def login(self, version, seconds=30):
        """The exit status of `ssh ... echo reached`, what it printed, and its complaint; None when it hangs, as it does for ever once
        its banner is lost."""
        try:
            done = self.client.run(*self.ssh_command(version, "echo reached"), timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout.strip(), done.stderr

    def banner(self):
        """The client's software version, such as OpenSSH_9.2p1."""
        text = run([self.ssh, "-V"]).stderr
        return re.match(r"[^\s,]+", text).group()


class Dns:
    """dnsmasq on the server, with a few names."""

    def build(self):
        super().build()
        self.dig, dnsmasq = need("dig", "dnsmasq")
        self.start(self.server, dnsmasq, "--no-daemon", "--no-hosts", "--no-resolv", "--conf-file=/dev/null", "--user=root",
                   "--pid-file=", "--host-record=www.example.com,192.0.2.1", "--host-record=good.example.net,192.0.2.2",
                   "--host-record=ads.example.net,192.0.2.3", "--host-record=telemetry.example.org,192.0.2.4",
                   "--txt-record=text.example.com,short")
        for version in (4, 6):
            wait_until(lambda: self.ask_dns(version, "www.example.com") == "192.0.2.1", "dnsmasq answers")

    def dig_command(self, version, name, kind="A", tries=1):
        return [self.dig, f"@{self.address(version)}", "+short", f"+tries={tries}", "+time=1", name, kind]

    def ask_dns(self, version, name, kind="A"):
        """What dig prints with +short; "" for no answer."""
        done = self.client.run(*self.dig_command(version, name, kind))
        return done.stdout.strip() if done.returncode == 0 else ""


NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; user root;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
{server}
  }}
}}
"""


def start_nginx(lab, server):
    """nginx on the lab's server with these lines in its `server` block; False when it is not there."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx:
        configuration = lab.script(NGINX.format(folder=lab.folder, server=server), "nginx.conf")
        lab.start(lab.server, nginx, "-p", lab.folder, "-c", configuration, "-e", "stderr")
    return bool(nginx)


class Https:
    """nginx on the server (python's TLS when it is not there), which answers with the name it was asked for by SNI."""

    def build(self):
        super().build()
        self.curl, openssl = need("curl", "openssl")
        must([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
              "-subj", "/CN=test", "-keyout", self.folder / "key", "-out", self.folder / "certificate"])
        if not start_nginx(self, f"""
    listen 443 ssl; listen [::]:443 ssl;
    ssl_certificate {self.folder}/certificate; ssl_certificate_key {self.folder}/key;
    location / {{ return 200 "$ssl_server_name\\n"; }}"""):
            expect(ssl.HAS_SNI, "python has no SNI")
            for version in (4, 6):
                self.peer(self.server, "https-server", self.address(version), "443", self.folder / "certificate", self.folder / "key")
        wait_until(lambda: self.client.run(*self.curl_command(4, "wake.up")).returncode == 0, "the HTTPS server answers")

    def curl_command(self, version, name):
        address = self.address(version) if version == 4 else f"[{self.address(version)}]"
        return [self.curl, "-sSk", "-m", "20", "--resolve", f"{name}:443:{address}", f"https://{name}/"]
