"""A sample of what tests/live/injection_run does with every system call."""
import os
import platform
import random

from injection import COMMANDS, ERRORS, InjectionLab, calls_of, inject_one, unload_all
from lab import Skip, expect_equal

SAMPLE = 12


def some_faults(program, command):
    if platform.machine() != "x86_64":
        raise Skip("system calls are only watched on x86-64")
    seed = int(os.environ.get("PERILUNE_INJECTION_SEED", random.randrange(10 ** 9)))
    chosen = random.Random(seed)
    print(f"{command}: PERILUNE_INJECTION_SEED={seed}", flush=True)
    with InjectionLab(program) as lab:
        calls = calls_of(lab, command)
        for at in sorted(chosen.sample(range(1, calls + 1), min(SAMPLE, calls))):
            inject_one(lab, command, at, chosen.choice((*ERRORS, "kill", "kill")))


def test_faults_of_load(program):
    some_faults(program, "load")


def test_faults_of_reload(program):
    some_faults(program, "reload")


def test_faults_of_unload(program):
    some_faults(program, "unload")


def test_every_command_is_tried(program):
    expect_equal(sorted(COMMANDS), ["load", "reload", "unload"], "commands")
    if platform.machine() != "x86_64":
        raise Skip("system calls are only watched on x86-64")
    with InjectionLab(program) as lab:
        calls = unload_all(lab, 0, "none")["calls"]
    for at in (calls // 3, calls // 2, calls - 5):
        with InjectionLab(program) as lab:
            unload_all(lab, at, "EIO")
