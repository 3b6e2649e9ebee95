"""Runs the program in a folder of its own, and compares."""
import json
import os
import subprocess


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Output:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out.decode("utf-8", "strict"), err.decode("utf-8", "strict")

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class World:
    """One test's folder and the program."""

    def __init__(self, program, root, folder):
        self.program, self.root, self.folder = program, root, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self, **more):
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}

    def run(self, *arguments, stdin=b"", **environment):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, input=stdin, capture_output=True, timeout=120,
                              env=self.environment(**environment))
        return Output(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *arguments], cwd=self.folder, env=self.environment(), **options)


def equal(got, wanted, what="value"):
    if got != wanted:
        raise Failed(f"{what}:\n  expected {wanted!r}\n  got      {got!r}")


def contains(text, part, what="text"):
    if part not in text:
        raise Failed(f"{what}: expected to find {part!r} in\n{text}")


def lacks(text, part, what="text"):
    if part in text:
        raise Failed(f"{what}: expected not to find {part!r} in\n{text}")


def ends(output, status, out=None, err=None):
    """Exit status, and exact outputs where given."""
    if output.status != status:
        raise Failed(f"exit status: expected {status}, got {output.status}\nstdout: {output.out}\nstderr: {output.err}")
    if out is not None:
        equal(output.out, out, "standard output")
    if err is not None:
        equal(output.err, err, "standard error")
