# td: `make` lists what there is. On a bare Debian 12 (git and make) demo and test bring all else they need:
# they print the packages first and install them as root or through sudo.

CARGO := setup/cargo.sh
SHELL := /bin/sh
.DEFAULT_GOAL := help
# One build at a time: the targets call cargo, which uses all cores itself.
.NOTPARALLEL:
.PHONY: help demo test e2e exactness bench bench-quick agent-armv6 agents pi1

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{printf "make %-11s  %s\n", $$1, $$2}'

demo: ## render a real scene with every core of this machine: td-demo.png
	@setup/packages.sh demo
	@setup/demo.sh

test: ## build, unit tests, end-to-end tests (all but the long ones)
	@setup/packages.sh test
	@$(CARGO) --run tests/run.sh

e2e: ## the end-to-end tests, the long ones too
	@setup/packages.sh e2e
	@$(CARGO) --run tests/run.sh e2e

exactness: ## every scene of the table against plain POV-Ray, printed as a table
	@setup/packages.sh test
	@$(CARGO) build --release --locked
	@$(CARGO) run -q --locked -p td-tests --bin exactness

bench: ## the benchmarks, in order, each with its bounds: less than three hours (root, for the CPU quotas of nodes)
	@setup/packages.sh bench
	@$(CARGO) build --release --locked -p td -p td-agent -p td-provision -p td-benches
	@TD_BENCH_PROGRAMS=$${CARGO_TARGET_DIR:-target}/release $(CARGO) --run benches/run.sh

bench-quick: ## the cluster's benchmarks and the overhead in small forms: less than twenty minutes
	@setup/packages.sh test
	@$(CARGO) build --release --locked -p td -p td-agent -p td-provision -p td-benches
	@TD_BENCH_QUICK=1 TD_BENCH_PROGRAMS=$${CARGO_TARGET_DIR:-target}/release $(CARGO) --run benches/run.sh

agent-armv6: ## td-agent for the Raspberry Pi 1 and Zero: target/arm-unknown-linux-musleabihf/release/td-agent
	@setup/packages.sh cross
	@$(CARGO) run -q --release --locked -p td-build-agent -- --target armv6 --with zig

agents: ## td-agent for ARMv6, ARMv7, ARM64 and x86-64: target/TARGET/release/td-agent
	@setup/packages.sh cross
	@$(CARGO) run -q --release --locked -p td-build-agent -- --target armv6 --target armv7 --target arm64 --target x86-64 --with zig

pi1: ## an emulated Raspberry Pi 1 from a fresh card to a picture; as root, up to 40 minutes
	@setup/packages.sh pi1
	@$(CARGO) build --release --locked
	@$(CARGO) run -q --release --locked -p td-build-agent -- --target armv6 --with zig
	@tests/pi1/run.sh
