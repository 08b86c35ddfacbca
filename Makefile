# The lab's commands, each one line. Where there is no make (Windows), call `cargo run -p edalab -- COMMAND`.
#
# Programs for tests and tools are built with --workspace: every crate gets the same features then, and none is compiled
# twice. `edalab` is built as it builds operator and services, for the same reason.
TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT = $(TARGET)/debug
NODE = $(TARGET)/asyncapi
RELEASE = cargo build --release --locked -p edalab -p edalab-operator -p edalab-services
EDALAB = $(RELEASE) --bin edalab --quiet && $(TARGET)/release/edalab
CARGO_DENY = 0.20.2
CARGO_FUZZ = 0.13.2
CARGO_TARPAULIN = 0.37.5

# What other people's crates were compiled to, for the next fresh checkout that has the same ones. It is copied, not
# shared: cargo knows our own crates' files by age alone, and of two checkouts in one folder, one would run the other's.
CACHE = $(or $(EDALAB_HOME),$(or $(XDG_DATA_HOME),$(HOME)/.local/share)/edalab)/cache
LOCKED = awk 'BEGIN { RS = "" } /\nsource = /' Cargo.lock
COMPILED = $(CACHE)/dependencies-$(shell $(LOCKED) | cat - Cargo.toml rust-toolchain.toml | git hash-object --stdin)
KEPT_release = --release

.DEFAULT_GOAL := help
.PHONY: help up down stop reset logs status health topics events ledger build check coverage advisories generate asyncapi \
  keep-debug keep-release test test-integration test-parts test-simulation test-load test-errors test-page test-machine test-exactness \
  test-outage test-operator test-operator-node test-upgrade fuzz planted bench dashboard grafana jaeger kafka-ui

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

up: | $(TARGET) ## bring the lab up, from whatever is there
	@$(RELEASE) --bin edalab && $(TARGET)/release/edalab up
	@[ ! -e $(TARGET)/release/edalab-services ] || $(MAKE) --no-print-directory keep-release

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

ledger: ## show what became of every event
	@$(EDALAB) ledger

build: | $(TARGET) ## compile everything
	cargo build --workspace

$(TARGET):
	@if [ -d $(COMPILED) ]; then cp -Rp $(COMPILED) $(TARGET); fi

keep-debug keep-release: keep-%:
	@[ -d $(COMPILED)/$* ] || { mkdir -p $(COMPILED) && \
	  find $(CACHE) -maxdepth 1 -name 'dependencies-*' ! -path $(COMPILED) -exec rm -rf {} + && \
	  mkdir $(CACHE)/dependencies-unfinished $(CACHE)/dependencies-unfinished/$* && \
	  cp -Rp $(addprefix $(TARGET)/$*/,.fingerprint build deps) $(CACHE)/dependencies-unfinished/$* && \
	  cargo clean --quiet --workspace $(KEPT_$*) --target-dir $(CACHE)/dependencies-unfinished && \
	  mv $(CACHE)/dependencies-unfinished/$* $(COMPILED)/$* && rm -rf $(CACHE)/dependencies-unfinished; }

check: | $(TARGET) ## formatting, lints, licences, generated files
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- --deny warnings
	cargo deny --version 2>/dev/null | grep -qF $(CARGO_DENY) || cargo install --locked --quiet cargo-deny@$(CARGO_DENY)
	cargo deny --log-level error check licenses bans sources
	cargo build --quiet --workspace --bin generate && $(BUILT)/generate --check

# Traced, not instrumented: that needs nothing of the toolchain. What the services' own tests run through is counted, not
# what the suites do to programs.
coverage: ## how much of what services decide and store their own tests run through
	cargo tarpaulin --version 2>/dev/null | grep -qF $(CARGO_TARPAULIN) || \
	  cargo install --locked --quiet cargo-tarpaulin@$(CARGO_TARPAULIN)
	cargo tarpaulin --engine ptrace --target-dir $(TARGET)/coverage --fail-under 80 \
	  --packages quotation --packages souscription --packages reclamation \
	  --include-files 'services/*/src/domain.rs' --include-files 'services/*/src/store.rs'

advisories: ## known vulnerabilities of dependencies (fetches the advisory database)
	cargo deny check advisories

generate: ## write the generated files anew
	cargo build --quiet --workspace --bin generate && $(BUILT)/generate

# Not installed in schemas/: what lies there decides the tags of our images.
asyncapi: ## validate the AsyncAPI document with its official parser
	@mkdir -p $(NODE) && cp -R schemas/asyncapi/. $(NODE) && npm ci --prefix $(NODE) --loglevel error >/dev/null && \
	  node $(NODE)/validate.mjs schemas/asyncapi.yaml

# A cluster waits more than it computes, and so does a Kafka: the two halves of the tests run side by side. What judges
# rates and a browser has the machine for itself after them.
test: check ## every check and test, on real parts
	cargo test --quiet --workspace --no-run
	@$(MAKE) --no-print-directory keep-debug
	@$(MAKE) --no-print-directory --jobs 2 test-integration test-parts
	@$(MAKE) --no-print-directory test-simulation

test-integration: ## the half of the tests that need a cluster
	cargo test --workspace -- cluster::

test-parts: ## the other half: units, and services on a real Kafka
	cargo test --workspace -- --skip cluster:: --skip alone::

test-simulation: ## the simulator's rates, and the dashboard in a browser; they need the machine for themselves
	cargo test --workspace -- alone::

test-load: ## 1,000 events a second for five minutes on the lab that is up, and the figures
	cargo build --release --bin bench && $(TARGET)/release/bench load

test-machine: ## interrupt, kill, stop and remove the lab, and look for what is left (root; about 25 minutes)
	cargo test --workspace --test machine -- --ignored --nocapture --test-threads 1

test-exactness: ## a quarter of an hour of kills and scenarios under 500 events a second, and the ledger closes
	EXACT_SECONDS=900 EXACT_PAUSE=10 cargo test --workspace --test exact -- --nocapture

test-errors: ## five minutes of the scenario ERREURS, and what it comes to
	ERRORS_SECONDS=300 cargo test --workspace --test simulate -- --nocapture mistakes

test-page: ## a browser before 1,000 events a second for five minutes: its memory, and how soon it answers keys
	PAGE_SECONDS=300 cargo test --workspace --test dashboard -- --nocapture a_browser_stays_small

test-outage: ## broker and registry away for two minutes each, under load (about ten minutes)
	OUTAGE_SECONDS=120 cargo test --workspace --test trouble -- --nocapture long

test-upgrade: ## what the release before left, taken over (compiles that one too: about fifteen minutes)
	cargo test --workspace --test upgrade --test operator -- --nocapture --include-ignored before

fuzz: ## ten minutes of each fuzzer (compiles everything with counters: quarter of an hour the first time)
	cargo fuzz --version 2>/dev/null | grep -qF $(CARGO_FUZZ) || cargo install --locked --quiet cargo-fuzz@$(CARGO_FUZZ)
	for fuzzer in wire http_body; do \
	  cargo fuzz run --sanitizer none $$fuzzer -- -max_total_time=600 -timeout=10 -max_len=20000 || exit 1; done

test-operator: ## 270 edits, a kill at each write and moment, ten idle minutes (release build; about 35 minutes)
	$(RELEASE) --bin edalab-operator && \
	  EDALAB_OPERATOR=$(abspath $(TARGET))/release/edalab-operator MUTATIONS=270 CRASHES_ALL=1 IDLE_SECONDS=600 \
	  cargo test --workspace --test operator -- --nocapture

test-operator-node: ## 30 edits on a kind cluster, whose pods run
	cargo test --workspace --test operator -- --nocapture --ignored node

planted: ## plant known bugs and see that the tests catch each
	cargo build --quiet --workspace --bin planted && $(BUILT)/planted

bench: ## measure consumer, ledger and quotes and print the figures (release build: quarter of an hour the first time)
	cargo build --release --bin bench && $(TARGET)/release/bench consume && $(TARGET)/release/bench ledger && \
	  $(TARGET)/release/bench post

dashboard: ## print where the lab's dashboard is
	@$(EDALAB) url dashboard

grafana: ## (comes later)
	@echo "grafana: Grafana comes with a later step of the lab" >&2; exit 1

jaeger: ## (comes later)
	@echo "jaeger: Jaeger comes with a later step of the lab" >&2; exit 1

kafka-ui: ## (comes later)
	@echo "kafka-ui: Kafka UI comes with a later step of the lab" >&2; exit 1
