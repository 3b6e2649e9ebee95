# The two commands for a fresh machine: `make run` (the main job, shown) and `make check` (all tests).
# Each target installs the Debian packages it needs, when any is missing, and says so.

.DEFAULT_GOAL := help
SHELL := /bin/bash
export CMAKE_COLOR_DIAGNOSTICS ?= ON
JOBS ?= $(shell nproc)

help:           ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

build:          ## the program, at build/perilune
	@scripts/install build
	@scripts/build release perilune data

run: build      ## the main job: judge the shipped capture, then cut off a real SSH client on live traffic
	@scripts/install demo
	@scripts/demo

check: build    ## all tests
	@scripts/install check
	@scripts/check

check-long: build  ## the tests that take hours: 50,000 random scripts, exhaustive tables, fault injection, kernels
	@scripts/install check vm
	@scripts/check-long

check-vm: build ## the program on Debian's kernels 6.1 and 6.12 and under systemd, in emulated machines
	@scripts/install vm
	@tests/vm/check

bench: build    ## the benchmarks, each beside its peers, as ratios
	@scripts/install bench
	@scripts/bench

fuzz:           ## each fuzzer for a minute (FUZZ_SECONDS=60)
	@scripts/install fuzz
	@scripts/fuzz

format:         ## format the sources in place
	@scripts/install check
	@git ls-files '*.cpp' '*.h' | xargs clang-format -i

clean:          ## remove everything that was built
	rm -rf build

.PHONY: help build run check check-long check-vm bench fuzz format clean
