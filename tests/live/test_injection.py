"""A sample of what tests/live/injection_run does with every system call."""
import os
import platform
import random

import injection_divert
import injection_first
import injection_live
from injection import COMMANDS, ERRORS, InjectionLab, calls_of, inject_one, unload_all
from lab import Skip, expect, expect_equal

SAMPLE, SAMPLE_OF_RUNS = 12, 3


def the_seed(command):
    if platform.machine() != "x86_64":
        raise Skip("system calls are only watched on x86-64")
    seed = int(os.environ.get("PERILUNE_INJECTION_SEED", random.randrange(10 ** 9)))
    print(f"{command}: PERILUNE_INJECTION_SEED={seed}", flush=True)
    return random.Random(seed)


def some_faults(program, command):
    chosen = the_seed(command)
    with InjectionLab(program) as lab:
        calls = len(calls_of(lab, command))
        for at in sorted(chosen.sample(range(1, calls + 1), min(SAMPLE, calls))):
            inject_one(lab, command, at, chosen.choice((*ERRORS, "kill", "kill")))


def test_faults_of_load(program):
    some_faults(program, "load")


def test_faults_of_reload(program):
    some_faults(program, "reload")


def test_faults_of_unload(program):
    some_faults(program, "unload")


def test_faults_of_the_first_load(program):
    chosen = the_seed("first-load")
    with injection_first.FirstLab(program) as lab:
        calls = len(injection_first.inject_first(lab, 0, "none")["calls"])
        for at in sorted(chosen.sample(range(1, calls + 1), SAMPLE_OF_RUNS)):
            injection_first.inject_first(lab, at, chosen.choice((*ERRORS, "kill")))


def some_faults_of_runs(program, command):
    chosen = the_seed(command)
    with injection_divert.DivertLab(program) as lab:
        calls = len(injection_divert.inject_one(lab, command, 0, "none")["calls"])
        for at in sorted(chosen.sample(range(1, calls + 1), SAMPLE_OF_RUNS)):
            injection_divert.inject_one(lab, command, at, chosen.choice((*ERRORS, "kill", "kill-one")))


def test_faults_of_divert(program):
    some_faults_of_runs(program, "divert")


def test_faults_of_undivert(program):
    some_faults_of_runs(program, "undivert")


def test_faults_of_a_live_run(program):
    chosen = the_seed("live")
    with injection_live.LiveLab(program) as lab:
        # The calls that every packet takes, and one of the others.
        first = [(call, chosen.choice(injection_live.FAULTS[call]), 1) for call in ("recvmmsg", "sendto", "poll")]
        for case in first:
            expect(injection_live.inject_live(lab, *case), f"no call failed: {case}")
        injection_live.inject_live(lab, *chosen.choice(injection_live.all_cases()))


def test_calls_of_a_live_run_are_known(program):
    with injection_live.LiveLab(program) as lab:
        new = injection_live.calls_made(lab) - set(injection_live.FAULTS) - injection_live.CANNOT_FAIL
    expect_equal(sorted(new), [], "calls of a live run that no case lets fail")


def test_every_command_is_tried(program):
    expect_equal(sorted(COMMANDS), ["load", "reload", "unload"], "commands")
    if platform.machine() != "x86_64":
        raise Skip("system calls are only watched on x86-64")
    with InjectionLab(program) as lab:
        calls = len(unload_all(lab, 0, "none")["calls"])
    for at in (calls // 3, calls // 2, calls - 5):
        with InjectionLab(program) as lab:
            unload_all(lab, at, "EIO")
