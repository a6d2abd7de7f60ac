# Every target sets up what it needs; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo demo-baseline test check provision reference golden bench bench-drift bench-engine bench-faults bench-instrument bench-cause fmt clean
.PHONY: up down logs status password doctor backup restore test-compose
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
# What grafana-client uses would else take the place of urllib3, and slow Elasticsearch's client down.
OWN_URLLIB3 := URLLIB3_NO_OVERRIDE=1
ARGS ?=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml $(wildcard exporters/core/Cargo.* exporters/core/src/*.rs)
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: name another with PYTHON="; exit 1; }
	@echo "installing aiwatch and its tools into .venv (about a minute)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv || { echo "no virtual environment: apt-get install python3-venv"; exit 1; }
	@$(OWN_URLLIB3) $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-binary urllib3-future --editable '.[test]'
	@touch $(INSTALLED)

demo: $(INSTALLED) ## run everything natively until Ctrl-C; ARGS=--once stops by itself
	@$(BIN)/python -m tools.demo $(ARGS)

test: $(INSTALLED) check ## run every check and every test, with real servers
	@$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED) ## lint, types, import contracts, generated files up to date
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@! (cargo fmt --version && cargo clippy --version) >/dev/null 2>&1 || (cd exporters/core && cargo fmt --check && cargo clippy --quiet --locked -- --deny warnings)
	@mkdir -p build && $(BIN)/lint-imports --no-cache >build/lint-imports.log 2>&1 || { cat build/lint-imports.log; exit 1; }
	@$(BIN)/aiwatch provision --check

reference: $(INSTALLED) ## write docs/reference from the code
	@$(BIN)/python -m tools.reference

demo-baseline: $(INSTALLED) ## renew the baseline of the demo's fraud score
	@$(BIN)/python -m tools.demo.baseline

provision: $(INSTALLED) ## generate all configuration from catalogue/
	@$(BIN)/aiwatch provision

golden: $(INSTALLED) ## renew tests/golden/tree; read its diff
	@$(BIN)/aiwatch provision --catalogue tests/golden/catalogue --root tests/golden/tree

bench: bench-instrument bench-engine bench-faults bench-cause bench-drift ## run every benchmark, for hours; figures go to build/bench/

bench-faults: $(INSTALLED) ## kill, cut, fill, corrupt; 15 minutes, ARGS=--short less
	@$(BIN)/python -m bench.faults $(ARGS)

bench-instrument: $(INSTALLED) ## time of one logging call
	@$(BIN)/python bench/instrument.py

bench-drift: $(INSTALLED) ## drift: false alarms, delay, speed; an hour, ARGS="--only delay"
	@$(BIN)/python -m bench.drift $(ARGS)

bench-engine: $(INSTALLED) ## speed of the log engine, 15 minutes; ARGS="--only decode --records 100000"
	@$(BIN)/python -m bench.engine $(ARGS)

bench-cause: $(INSTALLED) ## plant causes of drift, count which are found; ARGS="--seeds 1"
	@$(BIN)/python -m bench.cause $(ARGS)

up: ## start everything in containers; ARGS=--build after an upgrade
	@docker compose up --detach --wait $(ARGS)

down: ## remove the containers; data stays
	@docker compose --profile '*' down

logs: ## follow the containers' logs; ARGS names services
	@docker compose --profile '*' logs --follow --tail=100 $(ARGS)

status: ## show the containers
	@docker compose --profile '*' ps --all

password: ## say where Grafana's password is
	@echo "Grafana: http://localhost:$${AIWATCH_GRAFANA_PORT:-3000}, user admin, password:"
	@echo "  docker compose exec grafana cat /run/secrets/aiwatch/grafana-admin-password"

doctor: $(INSTALLED) ## why containers do not start, and what to do
	@$(BIN)/aiwatch doctor

backup: ## stop the containers for a moment, write all volumes into backups/
	@mkdir -p backups && chmod 700 backups
	@running=$$(docker compose --profile '*' ps --services --status running); \
	file=backups/aiwatch-$$(date -u +%Y%m%dT%H%M%SZ).tar; failed=0; \
	docker compose --profile '*' stop && docker compose run --rm -T backup </dev/null >$$file.partial \
	  && mv $$file.partial $$file && echo $$file || failed=1; \
	[ -z "$$running" ] || docker compose --profile '*' up --detach --wait $$running || failed=1; exit $$failed

restore: ## replace all volumes: FROM=backups/....tar
	@test -f "$(FROM)" || { echo "name a backup: make restore FROM=backups/..."; exit 1; }
	@tar --list --file="$(FROM)" >/dev/null || { echo "$(FROM) is damaged; nothing was changed"; exit 1; }
	@docker compose build secrets && docker compose --profile '*' down --volumes \
	  && docker compose run --rm -T restore <"$(FROM)" && docker compose up --detach --wait $(ARGS)

test-compose: $(INSTALLED) ## prove docker-compose.yml on a Docker daemon (slow)
	@$(BIN)/python -m tests.compose $(ARGS)

fmt: $(INSTALLED) ## format the code
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@! cargo fmt --version >/dev/null 2>&1 || (cd exporters/core && cargo fmt)

clean: ## remove the environment, caches and everything built
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis exporters/core/target exporters/aiwatch/*.so
