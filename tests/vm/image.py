"""A small Debian root with systemd on an ext4 image, made by mmdebstrap and `mke2fs -d`; made once, kept in build/vm.

It holds systemd, udev, D-Bus, iproute2 and the libraries the program is linked with. The kernel's modules and the source
tree with what was built are shared from the host (see kernels.py), so the image fits every kernel and every build.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from errors import Failed, Missing
from kernels import CACHE, ROOT, cache_lock, need_tools, run_tool

PACKAGES = ["systemd", "systemd-sysv", "dbus", "udev", "kmod", "iproute2", "procps"]
MAKE_SECONDS = 1200
# What mmdebstrap says where there is no network, or no name space for somebody who is not root.
NOT_HERE = re.compile(r"[Ff]ailed to fetch|[Cc]ould not (resolve|connect)|Temporary failure|unshare|newuidmap|subuid")

# Type=exec and After=multi-user.target: the command starts once the system is up, and no job waits for its end, so that
# it can ask `systemctl is-system-running`.
UNIT = """[Unit]
Description=The command of tests/vm/run
After=multi-user.target
ConditionPathExists=/run/vm/inside

[Service]
Type=exec
ExecStart=/run/vm/inside

[Install]
WantedBy=multi-user.target
"""

# Runs inside mmdebstrap as root (of its name space, when the caller is somebody else): $1 is the new root.
CUSTOMIZE = """set -e
mkdir -p "$1/etc/systemd/system/multi-user.target.wants"
cp "$VM_UNIT" "$1/etc/systemd/system/vm-command.service"
ln -s ../vm-command.service "$1/etc/systemd/system/multi-user.target.wants/vm-command.service"
ln -sf /dev/null "$1/etc/systemd/system/apt-daily.timer"
ln -sf /dev/null "$1/etc/systemd/system/apt-daily-upgrade.timer"
echo vm > "$1/etc/hostname"
echo "127.0.0.1 localhost vm" > "$1/etc/hosts"
echo "/dev/vda / ext4 defaults 0 0" > "$1/etc/fstab"
rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*
# Without /proc, /sys and /dev, which are mounted there while hooks run.
plain=$(mktemp -d "$VM_IMAGE.XXXXXX")
mount --bind "$1" "$plain"
trap 'umount "$plain"; rmdir "$plain"' EXIT
truncate -s 2G "$VM_IMAGE"
mke2fs -q -F -t ext4 -L vm -d "$plain" "$VM_IMAGE"
"""


def libraries(program):
    """The Debian packages of the shared libraries a program is linked with."""
    if not program.is_file():
        raise Missing(f"{program} is not built (make build)")
    files = [word for word in run_tool("ldd", str(program)).split() if word.startswith("/")]
    packages = set()
    for file in files:
        for path in (file, "/usr" + file):  # dpkg may know either name of a file below a merged /lib
            done = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
            packages.update(line.split(":")[0] for line in done.stdout.splitlines() if "diversion" not in line)
    return sorted(packages)


def prepare():
    """The path of the image, made now unless it was made before. Raises Missing or Failed."""
    need_tools("mmdebstrap", "mke2fs", "dpkg-query")
    packages = sorted({*PACKAGES, *libraries(ROOT / "build" / "perilune")})
    key = hashlib.sha256(repr((packages, UNIT, CUSTOMIZE)).encode()).hexdigest()[:12]
    image = CACHE / f"root-{key}.ext4"
    suite = next((line.split("=")[1].strip() for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                  if line.startswith("VERSION_CODENAME=")), "bookworm")
    with cache_lock("image"):
        if image.exists():
            return image
        made, unit, hook = (CACHE / f"{image.name}.{part}" for part in ("new", "unit", "hook"))
        unit.write_text(UNIT)
        hook.write_text(CUSTOMIZE)
        environment = {**os.environ, "VM_UNIT": str(unit), "VM_IMAGE": str(made)}
        try:
            run_tool("mmdebstrap", "--quiet", "--variant=minbase", "--format=null", f"--include={','.join(packages)}",
                     f"--customize-hook=sh {hook} \"$1\"", suite, "/dev/null", env=environment, seconds=MAKE_SECONDS)
            made.rename(image)
        except Failed as failed:
            if NOT_HERE.search(str(failed)):
                raise Missing(str(failed)) from None
            raise
        finally:
            for file in (made, unit, hook):
                file.unlink(missing_ok=True)
        return image


def copy(target):
    """A copy of the image that keeps what is written to it; what is there already is used as it is."""
    base = prepare()
    if target.exists():
        return
    part = target.with_name(target.name + ".new")
    try:
        run_tool("cp", "--sparse=always", "--reflink=auto", str(base), str(part))
        shutil.move(part, target)
    finally:
        part.unlink(missing_ok=True)
