"""Debian's kernels for virtual machines: fetched, unpacked without installing, with an initial RAM disk of our own.

A kernel is named by its series ('6.1', '6.12'): the newest package of that series that the sources of apt offer, or one
that was fetched before; or by the path of a linux-image package. All of it stays in build/vm.
"""
import contextlib
import fcntl
import lzma
import pathlib
import re
import shutil
import subprocess
import tempfile

from errors import Failed, Missing

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "vm"
# What the way to the root file system needs: 9p for the host's files, ext4 on a virtual disk for an image.
MODULES = ["virtio_pci", "virtio_blk", "9p", "9pnet_virtio", "overlay", "ext4"]
FETCH_SECONDS = 600

# Mounts the root file system and goes there. vm.root=host: the host's, read-only below a layer in memory; vm.root=image:
# the disk, which keeps what is written. 'own' is the folder of this run: the script, its output, its exit status.
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read module; do insmod "/modules/$module" || echo "vm: insmod $module failed"; done < /modules/list
share() { mkdir -p "$2"; mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2" || echo "vm: no share $1"; }
option() { sed -n "s/.*\\bvm\\.$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline; }
if [ "$(option root)" = image ]; then
  mount -t ext4 /dev/vda /new || echo "vm: cannot mount the image"
  share tree "/new$(option tree)" ro,cache=loose
  next=/sbin/init
else
  share root /lower ro,cache=loose
  mount -t tmpfs upper /upper; mkdir /upper/files /upper/work
  mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /new
  next=/run/vm/inside
fi
mkdir -p /new/run; mount -t tmpfs run /new/run
share own /new/run/vm rw
share modules "/new/lib/modules/$(uname -r)" ro,cache=loose
mount --move /proc /new/proc; mount --move /sys /new/sys; mount --move /dev /new/dev
exec switch_root /new "$next"
"""
APPLETS = ["sh", "mount", "insmod", "switch_root", "mkdir", "sed", "uname"]


class Kernel:
    def __init__(self, folder, release):
        self.release = release
        self.image = folder / "boot" / f"vmlinuz-{release}"
        self.modules = folder / "lib" / "modules" / release
        self.initrd = folder / "initrd"


@contextlib.contextmanager
def cache_lock(what):
    """Several test runs may share build/vm: one of them prepares this, the others wait for it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{what}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def need_tools(*tools):
    """Raises Missing unless all are there."""
    for tool in tools:
        if shutil.which(tool, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") is None:
            raise Missing(f"{tool} is not installed (scripts/install vm)")


def run_tool(*command, seconds=300, **more):
    """The output of a program. Raises Failed with the program's own words when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} did not end within {seconds} s") from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise Failed(f"{' '.join(map(str, command[:3]))}: {'; '.join(last) or 'exit status %d' % done.returncode}")
    return done.stdout


def release_order(name):
    return [int(number) for number in re.findall(r"\d+", name)]


def package_pattern(series):
    """Debian's plain kernels of a series: no -cloud, -rt, -dbg or -unsigned, and no package that only names another."""
    return re.compile(rf"linux-image-{re.escape(series)}\.[0-9][0-9a-z.+~]*(-\d+)?-amd64")


def fetch(series):
    """The newest linux-image package of the series: one that is in build/vm already, or apt's."""
    pattern = package_pattern(series)
    have = [deb for deb in CACHE.glob("linux-image-*.deb") if pattern.fullmatch(deb.name.split("_")[0])]
    if have:
        return max(have, key=lambda deb: release_order(deb.name))
    need_tools("apt-get", "apt-cache")
    offered = [name for name in run_tool("apt-cache", "pkgnames", "linux-image-").split() if pattern.fullmatch(name)]
    offered = [name for name in offered if "Candidate: (none)" not in run_tool("apt-cache", "policy", name)]
    if not offered:
        raise Missing(f"the sources of apt offer no kernel linux-image-{series}.*-amd64 (apt-get update?)")
    name = max(offered, key=release_order)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        try:
            run_tool("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name, cwd=folder, seconds=FETCH_SECONDS)
        except Failed as failed:
            raise Missing(f"cannot fetch {name}: {failed}") from None
        (deb,) = pathlib.Path(folder).glob("*.deb")
        return deb.rename(CACHE / deb.name)


def make_initrd(folder, release):
    """busybox, the modules of MODULES in the order in which they load, INIT."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = pathlib.Path(name)
        for sub in ("bin", "modules", "new", "lower", "upper", "proc", "sys", "dev"):
            (work / sub).mkdir()
        shutil.copy("/bin/busybox", work / "bin" / "busybox")
        for applet in APPLETS:
            (work / "bin" / applet).symlink_to("busybox")
        order = []
        for module in MODULES:
            listed = run_tool("modprobe", "-d", str(folder), "-S", release, "--show-depends", module)
            for line in listed.splitlines():
                words = line.split()
                if words[0] != "insmod":
                    continue  # 'builtin'
                source = pathlib.Path(words[1])
                plain = source.name.removesuffix(".xz")
                if plain in order:
                    continue
                data = source.read_bytes()
                (work / "modules" / plain).write_bytes(lzma.decompress(data) if source.suffix == ".xz" else data)
                order.append(plain)
        (work / "modules" / "list").write_text("".join(f"{module}\n" for module in order))
        (work / "init").write_text(INIT)
        (work / "init").chmod(0o755)
        files = "\n".join(str(path.relative_to(work)) for path in sorted(work.rglob("*"))) + "\n"
        with open(folder / "initrd.new", "wb") as out:
            done = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=work, input=files.encode(), stdout=out)
        if done.returncode != 0:
            raise Failed(f"cpio could not write {folder}/initrd")
    (folder / "initrd.new").rename(folder / "initrd")


def prepare(name):
    """A Kernel ready to boot: 'name' is a series or a package file. Raises Missing or Failed."""
    need_tools("dpkg-deb", "depmod", "modprobe", "busybox", "cpio")
    with cache_lock("kernels"):
        deb = pathlib.Path(name).resolve() if name.endswith(".deb") else fetch(name)
        if not deb.is_file():
            raise Failed(f"{deb} is not there")
        folder = CACHE / deb.name.removesuffix(".deb")
        if not (folder / "boot").is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as part:
                unpacked = pathlib.Path(part) / "root"
                run_tool("dpkg-deb", "-x", str(deb), str(unpacked))
                if not (unpacked / "lib" / "modules").is_dir():
                    (unpacked / "lib").mkdir(exist_ok=True)
                    (unpacked / "usr" / "lib" / "modules").rename(unpacked / "lib" / "modules")
                (release,) = [path.name for path in (unpacked / "lib" / "modules").iterdir()]
                run_tool("depmod", "-b", str(unpacked), release)
                unpacked.rename(folder)
        (release,) = [path.name for path in (folder / "lib" / "modules").iterdir()]
        initrd, source = folder / "initrd", pathlib.Path(__file__)
        if not initrd.exists() or initrd.stat().st_mtime < source.stat().st_mtime:
            make_initrd(folder, release)
    return Kernel(folder, release)
