# Two commands for people: `make demo` and `make test`. README.md says what they do.

SHELL := /bin/bash
CARGO_DENY_VERSION := 0.20.2
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/magnum-conductor
DENY := $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

STACK := cargo run --quiet --bin stack --
# By name and not by package: with `-p e2e` cargo would build most dependencies once more, with fewer features.
E2E := $(foreach suite,$(wildcard tests/e2e/tests/*),--test $(basename $(notdir $(suite))))

.PHONY: demo demo-down test toolchain programs lint deny unit go-test e2e fuzz bench

# ----- for people -----

# The whole story by the real command line; leaves everything running.
demo: toolchain programs
	$(STACK) demo $(DEMO_ARGS)

# Ends what `make demo` left running and deletes its folder.
demo-down: toolchain
	$(STACK) down

# Everything that CI checks, from nothing.
test: toolchain lint deny unit go-test e2e

# ----- parts -----

toolchain:
	@tests/toolchain.sh

programs:
	cargo build --bin stack --bin magnum-conductor --bin openstack-sim

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# Licences, sources and double versions of what we depend on.
deny: $(DENY)
	$(DENY) check licenses bans sources

$(DENY):
	cargo install --quiet --locked --debug --root $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION) \
	  --target-dir $(CACHE)/tools/build cargo-deny@$(CARGO_DENY_VERSION)
	rm -rf $(CACHE)/tools/build

# Everything but the suites that need the whole stack; broker, database and management cluster are real.
unit: programs
	cargo test --workspace --exclude e2e --no-run
	$(STACK) with-servers cargo test --no-fail-fast --workspace --exclude e2e

go-test:
	cd tests/machine-room && go vet ./... && go test ./...

# One stack after another, so that they do not starve each other of two cores.
e2e: programs
	$(STACK) prepare
	RUST_BACKTRACE=0 cargo test --no-fail-fast --workspace $(E2E) -- --nocapture --test-threads=4

# ----- not part of `make test` -----

# Every fuzz target for FUZZ_SECONDS; FUZZ_TARGETS chooses some of them.
fuzz:
	tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60) $(FUZZ_TARGETS)

# Charts beside the helm process (OFFICIAL_CHART: another folder), then calls over the bus beside Python; ours as released.
bench: programs
	cargo build --release -p magnum-conductor -p bench
	$(STACK) with-servers target/release/bench helm
	target/release/bench rpc
