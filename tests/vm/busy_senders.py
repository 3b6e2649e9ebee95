"""Run in a machine by `check`: many processes send on one processor through a slow filter; prints what became of it as JSON."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

PROGRAM, SENDERS, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
# Slow, so that most of a sender's time, and so the end of most of its time slices, is within the filter.
FILTER = """function filter(hdr, pld, pkt)
  local sum = 0
  for i = 1, 2000 do sum = (sum * 31 + #pld) & 0xffff end
  if sum > 0xffff then return 'block' end
end
"""


def send(target, until):
    """(sent, refused)."""
    counts = [0, 0]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while time.monotonic() < until:
        for _ in range(8):
            try:
                sender.sendto(b"x" * 20, target)
                counts[0] += 1
            except PermissionError:  # what a sender sees of a blocked packet
                counts[1] += 1
    return counts


def main():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    script = pathlib.Path("/tmp/busy_senders.lua")  # of the machine: the host's files are read-only
    script.write_text(FILTER)
    subprocess.run([PROGRAM, "load", "busy", str(script), "--at", "netfilter:output"], check=True, stdout=subprocess.DEVNULL)
    until = time.monotonic() + SECONDS
    results = []
    for _ in range(SENDERS):
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, json.dumps(send(receiver.getsockname(), until)).encode())
            os._exit(0)
        results.append(read)
    counts = [json.loads(os.read(read, 100)) for read in results]
    stats = json.loads(subprocess.run([PROGRAM, "stats", "--json"], check=True, capture_output=True, text=True).stdout)
    print(json.dumps({
        "preemption": pathlib.Path("/sys/kernel/debug/sched/preempt").read_text().strip(),
        "sent": sum(sent for sent, _ in counts),
        "refused": sum(refused for _, refused in counts),
        "no_slot": stats["stats"]["counters"]["no_slot"],
    }))


if __name__ == "__main__":
    main()
