"""What the first load on a machine leaves behind when one of its system calls fails, or when it is killed at one: the calls that make
the bpf file system of root's own, by mount(2), mkdir(2) and what belongs to them, in namespaces that end with each case."""
import json

from lab import HERE, Lab, expect, expect_equal
from test_machine_place import in_own_mounts

COMMANDS = """
attached() { ip link show dev here0 | grep -q xdp && echo attached || echo free; }
# What others have attached meanwhile is listed as strays: that is not looked at.
look() {
  PERILUNE list --json > $TOLD/list || { echo "$1 list failed"; return; }
  echo "$1 $(attached) $(grep -c '^{"filter":{"name":"words"' $TOLD/list) $(grep -c '"attached":true' $TOLD/list)"
}
python3 FAIL_AT AT FAULT PERILUNE load words SCRIPT --at xdp:here0 2> $TOLD/told >&2 || true
look first
PERILUNE load words SCRIPT --at xdp:here0 > $TOLD/again 2>&1 && echo loaded || { grep -q already $TOLD/again && echo already || cat $TOLD/again; }
look again
PERILUNE unload words > $TOLD/unload 2>&1 || cat $TOLD/unload
look last
ls /run/perilune/bpf | grep -v '[.]debug$' || true
"""


class FirstLab(Lab):
    """Only for a folder of its own: each case has its own namespaces."""

    def build(self):
        pass


def inject_first(lab, at, fault):
    commands = COMMANDS.replace("FAIL_AT", str(HERE / "fail_at.py")).replace("AT", str(at), 1).replace("FAULT", fault)
    done = in_own_mounts(lab.program, f"TOLD={lab.folder}\n" + commands)
    expect_equal(done.returncode, 0, f"exit status: {done.stdout} {done.stderr}")
    error = (lab.folder / "told").read_text()
    told = json.loads(error.splitlines()[-1])
    what = f"the first load with {fault} at call {at} ({told['call']}), exit status {told['status']}: {error}\n{done.stdout}{done.stderr}"
    said = done.stdout.splitlines()
    expect(told["status"] >= 0 or fault == "kill", f"crashed: {what}")
    if told["status"] > 0:
        expect("error" in error, f"no reason given: {what}")
    # Attached as the kernel tells; listed; listed as attached.
    whole, nothing = "first attached 1 1", "first free 0 0"
    # A load that was killed may be listed as detached, and that is true: a chain at XDP that is empty still.
    killed = [whole, nothing, "first attached 1 0", "first free 1 0"]
    first = {0: [whole], -9: killed}.get(told["status"], [nothing])
    expect(said[0] in first, f"half loaded, or not listed: {what}")
    expect_equal(said[1:], ["already" if said[0] == whole else "loaded", "again attached 1 1", "last free 0 0"], f"the next commands after {what}")
    return told
