"""One run of a virtual machine: QEMU, emulated, so that it needs neither KVM nor root; ended by its process id."""
import ctypes
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

from errors import Missing
from kernels import ROOT, need_tools

NO_STATUS = 125
OUT_OF_TIME = 124
TARGET_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

HEAD = f"""#!/bin/bash
export PATH={TARGET_PATH} HOME=/root LANG=C.UTF-8
"""
# The host's root: this script is the first process, nothing is mounted but /proc, /sys, /dev and /run.
HOST_SETUP = """mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing; mount -t debugfs debugfs /sys/kernel/debug
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
"""
HOST_END = "sync; echo b > /proc/sysrq-trigger\n"  # a reboot, at which QEMU ends (-no-reboot)
IMAGE_END = "systemctl --no-block poweroff\n"


def die_with_parent():
    """In the child: killed when the one who started it dies, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.setpgid(0, 0)  # a ^C is for us alone


def inside(command, folder, modules, image):
    lines = [HEAD, "" if image else HOST_SETUP]
    lines += [f"modprobe {shlex.quote(module)}\n" for module in modules]
    lines.append(f"cd {shlex.quote(folder)} 2>/dev/null || cd /\n")
    lines.append(f"( {shlex.join(command)} ) </dev/null >/run/vm/stdout 2>/run/vm/stderr\n")
    lines.append("echo $? > /run/vm/status.new; mv /run/vm/status.new /run/vm/status\n")
    lines.append(IMAGE_END if image else HOST_END)
    return "".join(lines)


def qemu_command(kernel, own, options):
    def share(tag, path, mode):
        return ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap{mode}"]

    append = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on tsc=reliable no_timer_check"
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-smp", str(options.cpus),
               "-m", options.memory, "-nodefaults", "-no-reboot", "-display", "none", "-serial", f"file:{own}/console",
               "-kernel", str(kernel.image), "-initrd", str(kernel.initrd)]
    command += share("own", own, "") + share("modules", kernel.modules, ",readonly=on")
    if options.disk:
        append += f" vm.root=image vm.tree={ROOT} systemd.condition-first-boot=false"
        snapshot = "off" if options.keeps else "on"
        command += ["-drive", f"file={options.disk},format=raw,if=virtio,cache=unsafe,snapshot={snapshot}"]
        command += share("tree", ROOT, ",readonly=on")
    else:
        append += " vm.root=host"
        command += share("root", "/", ",readonly=on")
    return command + ["-append", f"{append} {options.append}".strip()] + options.qemu


def console_of(own):
    try:
        return (own / "console").read_text(errors="replace")
    except FileNotFoundError:
        return ""


def boot(kernel, command, options):
    """Runs the command in a machine with this kernel; what it printed goes to stdout and stderr. Returns its exit status.

    options: cpus, memory, modules, append, qemu, seconds, verbose, disk (None: the host's root), keeps (the disk's writes).
    """
    need_tools("qemu-system-x86_64")
    with tempfile.TemporaryDirectory(prefix="perilune-vm.") as name:
        own = pathlib.Path(name)
        for file in ("stdout", "stderr"):
            (own / file).touch()
        script = own / "inside"
        script.write_text(inside(command, os.getcwd(), options.modules, options.disk is not None))
        script.chmod(0o755)
        late = False
        with open(own / "qemu", "wb") as log:
            try:
                machine = subprocess.Popen(qemu_command(kernel, own, options), stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, preexec_fn=die_with_parent)
            except OSError as error:
                raise Missing(f"qemu-system-x86_64: {error.strerror}") from None
            try:
                machine.wait(options.seconds)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                if machine.poll() is None:
                    machine.kill()
                    machine.wait()
        for file, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            stream.flush()
            stream.buffer.write((own / file).read_bytes())
            stream.flush()
        if options.verbose:
            sys.stderr.write(console_of(own))
        try:
            status = int((own / "status").read_text())
        except (FileNotFoundError, ValueError):
            status = None
        if status is not None and not (late and options.disk and options.keeps):
            return status
        what = f"did not end within {options.seconds} s" if late else "ended without the command's exit status"
        tail = "\n".join(console_of(own).splitlines()[-80:])
        print(f"vm: the machine with Linux {kernel.release} {what}; the end of its console:\n{tail}\n"
              f"{(own / 'qemu').read_text(errors='replace')}", file=sys.stderr)
        return OUT_OF_TIME if late else NO_STATUS
