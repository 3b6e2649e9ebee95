"""Labs for filters that stay in the kernel, with a bpf file system of their own, in which `perilune` keeps what it loads."""
import contextlib
import json
import os

from lab import Lab, Process, RoutedLab, Skip, expect, expect_equal, run, wait_until

PASS = "function filter() return true end\n"


class InKernel:
    """What a Lab of either kind has besides; goes before it among the bases."""

    def build(self):
        self.bpffs = self.folder / "bpf"
        self.bpffs.mkdir()
        done = run(["mount", "-t", "bpf", "bpf", self.bpffs])
        if done.returncode != 0:
            raise Skip(f"bpffs cannot be mounted: {done.stderr.strip()}")
        self.environment = {**os.environ, "PERILUNE_BPFFS": str(self.bpffs), "LC_ALL": "C.UTF-8"}
        super().build()
        self.has_netfilter = json.loads(self.perilune("features", "--json").stdout)["features"]["netfilter"]

    def close(self):
        with contextlib.suppress(Exception):
            self.perilune("unload", "--all", check=False)
        super().close_processes()
        run(["umount", self.bpffs])
        super().close()

    def perilune(self, *words, check=True, **options):
        done = run([self.program, *words], env=self.environment, **options)
        if check:
            expect(done.returncode == 0, f"perilune {words}: exit status {done.returncode}: {done.stderr.strip()}")
        return done

    def in_background(self, *words):
        process = Process([self.program, *words], self.folder, f"{len(self.processes)}-perilune", env=self.environment)
        self.processes.append(process)
        return process

    def listen(self, name, *options):
        """`perilune events NAME --json`, which listens when this returns."""
        listener = self.in_background("events", name, "--json", *options)
        def ready():
            expect(listener.running(), f"events {name} ended: {listener.err()}")
            return "ready:" in listener.err()
        wait_until(ready, f"events {name} gets ready")
        return listener

    def load(self, name, script, *hooks):
        return self.perilune("load", name, script, *(word for hook in hooks for word in ("--at", hook)))

    def records(self, *words):
        return [json.loads(line) for line in self.perilune(*words, "--json").stdout.splitlines()]

    def filters(self):
        return {record["filter"]["name"]: record["filter"] for record in self.records("list") if "filter" in record}

    def counters(self, name):
        return self.records("stats", name)[0]["stats"]["counters"]

    def expect_nothing_left(self):
        pins = [os.path.join(folder, name) for folder, folders, files in os.walk(self.bpffs) for name in folders + files]
        expect_equal([pin for pin in pins if not pin.endswith(".debug")], [], "pins")
        expect_equal(self.records("list"), [], "what is listed")
        for namespace in self.namespaces:
            links = namespace.must("ip", "link", "show")
            expect("xdp" not in links, f"XDP is still attached: {links}")


class KernelLab(InKernel, Lab):
    def build(self):
        super().build()
        self.hooks = [f"xdp:server0@{self.server.name}", f"tc:server0:in@{self.server.name}"]
        if self.has_netfilter:
            self.hooks += [f"netfilter:{hook}@{self.server.name}" for hook in ("prerouting", "input")]

    def asked(self, text, version=4):
        return self.ask(self.client, "udp-ask", self.address(version), "7", text, "0.5" if text.startswith("no") else "5")


class RoutedKernelLab(InKernel, RoutedLab):
    """Every hook there is, each at a place that sees what the client sends to the server."""

    def build(self):
        super().build()
        gateway, server, client = self.gateway.name, self.server.name, self.client.name
        self.writable = [f"xdp:inside0@{gateway}", f"tc:inside0:in@{gateway}", f"tc:outside0:out@{gateway}"]
        self.hooks = list(self.writable)
        if self.has_netfilter:
            self.hooks += [f"netfilter:output@{client}", f"netfilter:prerouting@{gateway}", f"netfilter:forward@{gateway}",
                           f"netfilter:postrouting@{gateway}", f"netfilter:input@{server}"]
        # The same for what the server sends to the client, where a filter may write.
        self.answers = {self.writable[0]: f"xdp:outside0@{gateway}", self.writable[1]: f"tc:outside0:in@{gateway}",
                        self.writable[2]: f"tc:inside0:out@{gateway}"}
