"""Network namespaces, programs in them, and the filter under test; everything is gone when a `with` block ends.

A Lab is a server (10.77.0.1, fd77::1) and a client (10.77.0.2, fd77::2) joined by a veth pair. A RoutedLab has a gateway between
them: client 10.77.1.2/fd77:1::2, server 10.77.2.1/fd77:2::1.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE = 30  # seconds for what normally takes a moment, on a machine that is busy


class Skip(Exception):
    """The case cannot run here; the text says why."""


class Failure(Exception):
    """The case failed."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(got, wanted, what):
    expect(got == wanted, f"{what}: {got!r}, expected {wanted!r}")


def need(*programs):
    """Where each program is; folders of system programs count too."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
    found = [shutil.which(program, path=path) for program in programs]
    for program, place in zip(programs, found):
        if not place:
            raise Skip(f"{program} is not installed")
    return found if len(found) > 1 else found[0]


def wait_until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failure(f"waited {seconds} s in vain: {what}")


def run(command, **options):
    options.setdefault("timeout", PATIENCE * 2)
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)


def must(command, **options):
    done = run(command, **options)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}: exit status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def status_of(pid):
    """The lines of /proc/PID/status of each thread, as dictionaries."""
    threads = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (line.split(":", 1) for line in (task / "status").read_text().splitlines())
        threads.append({name: value.strip() for name, value in lines})
    return threads


class Process:
    """A program that runs on, its output in files; killed (with what it started) at the end."""

    def __init__(self, command, folder, name, env=None):
        self.out_path = pathlib.Path(folder) / f"{name}.out"
        self.err_path = pathlib.Path(folder) / f"{name}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            start_new_session=True, env=env)
        self.pid = self.process.pid
        self.kept = None  # both outputs, once the process was killed and its folder may go

    def out(self):
        return self.kept[0] if self.kept else self.out_path.read_text(errors="replace")

    def err(self):
        return self.kept[1] if self.kept else self.err_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {seconds} s: {self.process.args}; it said: {self.err()}") from None

    def running(self):
        return self.process.poll() is None

    def kill(self):
        if self.kept:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.kept = (self.out(), self.err())


class Filter(Process):
    """`perilune run SCRIPT ...` in a namespace."""

    def wait_ready(self):
        def ready():
            if not self.running():
                raise Failure(f"the filter ended with {self.process.returncode}: {self.err()}{self.out()}")
            return "ready:" in self.err()
        wait_until(ready, "the filter gets ready")
        return self

    def stop(self, number=signal.SIGTERM):
        """Ends the run as a user would; gives back its exit status."""
        self.signal(number)
        return self.wait()

    def records(self):
        """The objects of --json."""
        return [json.loads(line) for line in self.out().splitlines() if line.startswith("{")]

    def summary(self):
        """The last summary of --json."""
        summaries = [record["summary"] for record in self.records() if "summary" in record]
        expect(summaries, f"no summary: {self.out()[-500:]} {self.err()[-500:]}")
        return summaries[-1]


class Namespace:
    def __init__(self, name):
        self.name = name
        must(["ip", "netns", "add", name])

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words, **options):
        return run(self.command(*words), **options)

    def must(self, *words, **options):
        return must(self.command(*words), **options)

    def setup(self, text):
        for line in text.strip().splitlines():
            self.must(*line.split())

    def remove(self):
        # What was not started by a Lab (a daemon's child) ends here too: by pid, and only inside this namespace.
        for pid in run(["ip", "netns", "pids", self.name]).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run(["ip", "netns", "del", self.name])


class BaseLab:
    serial = 0

    def __init__(self, program):
        self.program = program
        self.namespaces = []
        self.processes = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="perilune-live-"))
        self.folder.chmod(0o755)

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close_processes(self):
        for process in reversed(self.processes):
            process.kill()

    def close(self):
        self.close_processes()
        for namespace in self.namespaces:
            namespace.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def namespace(self, role):
        BaseLab.serial += 1
        namespace = Namespace(f"pl{os.getpid()}-{BaseLab.serial}{role}")
        self.namespaces.append(namespace)
        namespace.setup("ip link set lo up")
        return namespace

    def join(self, one, one_device, other, other_device):
        must(["ip", "link", "add", one_device, "netns", one.name, "type", "veth", "peer", "name", other_device, "netns", other.name])
        one.setup(f"ip link set {one_device} up")
        other.setup(f"ip link set {other_device} up")

    def start(self, namespace, *words, name=None, kind=Process):
        name = name or f"{len(self.processes)}-{pathlib.Path(words[0]).name}"
        process = kind(namespace.command(*words), self.folder, name)
        self.processes.append(process)
        return process

    def peer(self, namespace, *words):
        """A helper of peers.py in the background; it has said "ready" when this returns."""
        process = self.start(namespace, sys.executable, HERE / "peers.py", *words)
        def ready():
            expect(process.running() or "ready" in process.out(), f"peers.py {words}: {process.err()}")
            return "ready" in process.out()
        wait_until(ready, f"peers.py {words} gets ready")
        return process

    def ask(self, namespace, *words, **options):
        """A helper of peers.py in the foreground; what it printed."""
        done = namespace.run(sys.executable, HERE / "peers.py", *words, **options)
        expect(done.returncode == 0, f"peers.py {words}: {done.stderr.strip()}")
        return done.stdout.strip()

    def script(self, text, name="filter.lua"):
        path = self.folder / name
        path.write_text(text)
        return path

    def filter(self, namespace, script, *options, ready=True):
        process = self.start(namespace, self.program, "run", script, *options, kind=Filter,
                             name=f"{len(self.processes)}-filter")
        return process.wait_ready() if ready else process

    @staticmethod
    def diverts(namespace):
        """Lines of our rules in the namespace, both families."""
        lines = []
        for tool in ("iptables-nft", "ip6tables-nft"):
            lines += [line for line in namespace.must(tool, "-t", "mangle", "-S").splitlines() if "perilune:" in line]
        tables = namespace.run("nft", "list", "tables").stdout if shutil.which("nft") else ""
        return lines + re.findall(r"table inet perilune_\S+", tables)


class Lab(BaseLab):
    addresses = {4: ("10.77.0.1", "10.77.0.2"), 6: ("fd77::1", "fd77::2")}

    def build(self):
        self.server, self.client = self.namespace("s"), self.namespace("c")
        self.join(self.server, "server0", self.client, "client0")
        self.server.setup("ip addr add 10.77.0.1/24 dev server0\nip addr add fd77::1/64 dev server0 nodad")
        self.client.setup("ip addr add 10.77.0.2/24 dev client0\nip addr add fd77::2/64 dev client0 nodad")

    def address(self, version):
        """The server's."""
        return self.addresses[version][0]


class RoutedLab(BaseLab):
    def build(self):
        self.client, self.gateway, self.server = self.namespace("c"), self.namespace("g"), self.namespace("s")
        self.join(self.client, "client0", self.gateway, "inside0")
        self.join(self.gateway, "outside0", self.server, "server0")
        self.client.setup("""ip addr add 10.77.1.2/24 dev client0
            ip addr add fd77:1::2/64 dev client0 nodad
            ip route add default via 10.77.1.1
            ip -6 route add default via fd77:1::1""")
        self.gateway.setup("""ip addr add 10.77.1.1/24 dev inside0
            ip addr add 10.77.2.2/24 dev outside0
            ip addr add fd77:1::1/64 dev inside0 nodad
            ip addr add fd77:2::2/64 dev outside0 nodad
            sysctl -qw net.ipv4.ip_forward=1
            sysctl -qw net.ipv6.conf.all.forwarding=1""")
        self.server.setup("""ip addr add 10.77.2.1/24 dev server0
            ip addr add fd77:2::1/64 dev server0 nodad
            ip route add default via 10.77.2.2
            ip -6 route add default via fd77:2::2""")

    def address(self, version):
        return "10.77.2.1" if version == 4 else "fd77:2::1"
