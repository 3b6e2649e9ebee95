"""Where filters of the machine are kept: in a bpf file system of root's own, whatever other users made elsewhere. In namespaces of
mounts, processes and interfaces that end with each case, since nothing here may touch the machine's own. (Nor does anything here say
`unload --all`: it would detach what other tests have attached meanwhile.)"""
from lab import Lab, Skip, expect, expect_equal, need, run

NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
BEGIN = """
set -e
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/netns
mount -t sysfs sysfs /sys
mount -t bpf -o mode=1777 bpf /sys/fs/bpf
ip link add here0 type veth peer name there0
"""


def in_own_mounts(program, commands):
    need("setpriv", "unshare")
    with Lab(program) as lab:
        script = lab.script("function filter(hdr, pld, pkt) return pkt.protocol ~= 17 end\n")
        body = lab.folder / "commands.sh"
        body.write_text(BEGIN + commands.replace("PERILUNE ", f"{program} ").replace("SCRIPT", str(script)).replace("NOBODY", NOBODY))
        lab.folder.chmod(0o755)
        done = run(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "bash", body])
        if "mount:" in done.stderr and "bpf" not in done.stderr:
            raise Skip(f"mounts of one's own: {done.stderr.strip()}")
        return done


def test_a_folder_that_another_user_made_first(program):
    done = in_own_mounts(program, """
NOBODY mkdir -m 777 /sys/fs/bpf/perilune
PERILUNE load words SCRIPT --at xdp:here0 --at tc:here0:in
PERILUNE list
stat --format='%a %u' /run/perilune/bpf
ls /sys/fs/bpf/perilune
NOBODY PERILUNE list || echo refused
NOBODY flock --nonblock /run/perilune/bpf true || echo not locked
PERILUNE unload words
ip link show dev here0 | grep -q xdp || echo detached
ls /run/perilune/bpf | grep -v '[.]debug$' || echo nothing left
""")
    expect_equal(done.returncode, 0, f"exit status: {done.stdout} {done.stderr}")
    for part in ("xdp:here0", "tc:here0:in", "1700 0", "refused", "not locked", "words: unloaded", "detached", "nothing left"):
        expect(part in done.stdout, f"{part!r} is not in: {done.stdout} {done.stderr}")


def test_what_is_mounted_outlives_a_namespace_of_mounts(program):
    done = in_own_mounts(program, """
ip netns add inner
ip netns exec inner PERILUNE load words SCRIPT --at netfilter:input
PERILUNE list
PERILUNE unload words
ls /run/perilune/bpf | grep -v '[.]debug$' || echo nothing left
""")
    if "no netfilter links" in done.stderr:
        raise Skip("this kernel has no netfilter links")
    expect_equal(done.returncode, 0, f"exit status: {done.stdout} {done.stderr}")
    for part in ("netfilter:input:0@inner", "nothing left"):
        expect(part in done.stdout, f"{part!r} is not in: {done.stdout} {done.stderr}")


def test_filters_of_an_older_version_are_found(program):
    done = in_own_mounts(program, """
export PERILUNE_BPFFS=/sys/fs/bpf
PERILUNE load older SCRIPT --at xdp:here0
unset PERILUNE_BPFFS
PERILUNE load newer SCRIPT --at xdp:here0
PERILUNE list
PERILUNE unload older newer
ls -d /sys/fs/bpf/perilune || echo the older place is gone
PERILUNE load words SCRIPT --at xdp:here0
ls -d /run/perilune/bpf/words
PERILUNE unload words
""")
    expect_equal(done.returncode, 0, f"exit status: {done.stdout} {done.stderr}")
    for part in ("older  xdp:here0", "newer  xdp:here0", "the older place is gone", "/run/perilune/bpf/words"):
        expect(part in done.stdout, f"{part!r} is not in: {done.stdout} {done.stderr}")


def test_a_home_that_is_not_roots_is_refused(program):
    done = in_own_mounts(program, """
mkdir /run/perilune
chown 65534 /run/perilune
PERILUNE load words SCRIPT --at xdp:here0 || echo status $?
rmdir /run/perilune
ln -s /tmp /run/perilune
PERILUNE load words SCRIPT --at xdp:here0 || echo status $?
""")
    expect_equal(done.returncode, 0, f"exit status: {done.stdout} {done.stderr}")
    expect_equal(done.stdout.split(), ["status", "2"] * 2, f"said {done.stderr}")
    expect("belongs to user 65534" in done.stderr and "not a folder" in done.stderr, f"said: {done.stderr}")
