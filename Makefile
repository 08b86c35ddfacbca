# The lab's commands, each one line. Where there is no make (Windows), call `cargo run -p edalab -- COMMAND`.
#
# Programs are built with --workspace: every crate gets the same features then, and none is compiled twice.
BUILT = $(or $(CARGO_TARGET_DIR),target)/debug
EDALAB = cargo build --quiet --workspace --bin edalab && $(BUILT)/edalab
CARGO_DENY = 0.20.2

.DEFAULT_GOAL := help
.PHONY: help up down stop reset logs status health topics events build check advisories generate test test-integration \
  test-parts test-load test-machine planted dashboard grafana jaeger kafka-ui

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

up: ## bring the lab up, from whatever is there
	@cargo build --workspace --bin edalab && $(BUILT)/edalab up

down: ## remove the lab; what was built stays in the cache
	@$(EDALAB) down

stop: ## stop the lab and keep its data
	@$(EDALAB) stop

reset: ## make the lab anew
	@$(EDALAB) reset

logs: ## print the logs of the lab's pods
	@$(EDALAB) logs

status: ## show the lab's conditions and where to reach it
	@$(EDALAB) status

health: ## one line for each component
	@$(EDALAB) health

topics: ## list the topics
	@$(EDALAB) topics

events: ## print the events, decoded
	@$(EDALAB) events

build: ## compile everything
	cargo build --workspace

check: ## formatting, lints, licences, generated files
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- --deny warnings
	cargo deny --version 2>/dev/null | grep -qF $(CARGO_DENY) || cargo install --locked --quiet cargo-deny@$(CARGO_DENY)
	cargo deny --log-level error check licenses bans sources
	cargo build --quiet --workspace --bin generate && $(BUILT)/generate --check

advisories: ## known vulnerabilities of dependencies (fetches the advisory database)
	cargo deny check advisories

generate: ## write the generated files anew
	cargo build --quiet --workspace --bin generate && $(BUILT)/generate

# A cluster waits more than it computes, and so does a Kafka: the two halves of the tests run side by side.
test: check ## every check and test, on real parts
	cargo test --quiet --workspace --no-run
	@$(MAKE) --no-print-directory --jobs 2 test-integration test-parts

test-integration: ## the half of the tests that need a cluster
	cargo test --workspace -- cluster::

test-parts: ## the other half: units, and services on a real Kafka
	cargo test --workspace -- --skip cluster::

test-load: ## (comes later)
	@echo "test-load: load tests come with a later step of the lab" >&2; exit 1

test-machine: ## interrupt, kill, stop and remove the lab, and look for what is left (root; about 25 minutes)
	cargo test --workspace --test machine -- --ignored --nocapture --test-threads 1

planted: ## plant known bugs and see that the tests catch each
	cargo build --quiet --workspace --bin planted && $(BUILT)/planted

dashboard: ## (comes later)
	@echo "dashboard: the lab's dashboard comes with a later step of the lab" >&2; exit 1

grafana: ## (comes later)
	@echo "grafana: Grafana comes with a later step of the lab" >&2; exit 1

jaeger: ## (comes later)
	@echo "jaeger: Jaeger comes with a later step of the lab" >&2; exit 1

kafka-ui: ## (comes later)
	@echo "kafka-ui: Kafka UI comes with a later step of the lab" >&2; exit 1
