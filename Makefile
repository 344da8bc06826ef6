# Every habit of the house. `make` or `make help` lists them; each installs what it needs by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.ONESHELL:

# The first Python of 3.11 to 3.13 makes .venv. A release is packaged with 3.13, in a fresh clone:
# `make package PYTHON=python3.13`.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$each" && exit; done; echo python3)
BIN := .venv/bin
LOCK := infra/build/lock
UV := 0.13.9

CODE := $(wildcard app.py) chalicelib infra tests
TESTS ?=

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run everything on this machine (PORT, DEMO=0 and LIGHTKEEPER_DATA choose how)
	@exec $(PYTHON) infra/dev.py run

.PHONY: check
check: style types laws site test ## Check everything, as CI does

.PHONY: format
format: tools ## Format the Python code, and sort out what a tool can sort out
	@$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: style
style: tools ## Check format and lint of the Python code
	@$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

.PHONY: types
types: tools ## Check the types of the Python code
	@$(BIN)/mypy $(CODE)

.PHONY: laws
laws: tools ## Check who imports whom
	@$(BIN)/lint-imports

.PHONY: site
site: pages ## Check the pages: typed client, lint, types, unit tests, weight
	@cd frontend
	export PATH="$$PWD/../$(BIN):$$PATH" # Node may be here, where the machine's is too old
	npm run --silent api -- --check # schema.d.ts against openapi.json; a test holds that against the routes
	for check in lint check test size; do npm run --silent $$check; done

# The browser: the machine's, else the one that Playwright has fetched, else one line and the end.
.PHONY: test
test: pages ## Run the tests, those in a browser too (TESTS=tests/domain for some)
	@export PATH="$$PWD/$(BIN):$$PATH" CHROMIUM="$${CHROMIUM:-$$(command -v chromium || command -v google-chrome || true)}"
	export PLAYWRIGHT_NODEJS_PATH="$$(command -v node)" # its own wants libatomic, which a small Debian lacks
	if [ -z "$$CHROMIUM" ]; then
		CHROMIUM=$$($(BIN)/python -c 'import playwright.sync_api as api; p = api.sync_playwright().start(); print(p.chromium.executable_path); p.stop()')
	fi
	if [ ! -x "$$CHROMIUM" ]; then
		echo "The browser tests need Chromium: apt-get install chromium fonts-wqy-microhei, or $(BIN)/playwright install chromium" >&2
		exit 1
	fi
	if [ -n "$(TESTS)" ]; then
		exec $(BIN)/python -m pytest $(TESTS)
	fi
	$(BIN)/python -m pytest --numprocesses 2 --ignore tests/e2e tests
	$(BIN)/python -m pytest tests/e2e # alone: a browser that waits for its share of the machine is late

.PHONY: pages
pages: tools ## Build the pages, if their sources changed
	@$(PYTHON) infra/dev.py pages

.PHONY: bench
bench: pages ## Measure what things cost: goal, floor, measured
	@$(BIN)/python -m infra.bench

.PHONY: drill
drill: tools ## Drill the telling of an outage: seconds, lost, doubled (GRID=folder, RATE=400, MANY=100000)
	@$(BIN)/python -m infra.drill $(if $(GRID),--grid $(GRID)) $(if $(RATE),--rate $(RATE)) $(if $(MANY),--many $(MANY))

.PHONY: fuzz
fuzz: tools ## Send the interface what fits its OpenAPI and what does not (CASES=2000, SEED=1)
	@$(BIN)/python -m infra.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED))

.PHONY: package
package: pages ## Build what is deployed: the functions' zip and the template
	@$(BIN)/python infra/package.py

.PHONY: lock
lock: ## Pin all requirements anew, with hashes (UPGRADE=--upgrade for newer versions)
	@test -x $(LOCK)/bin/uv || { $(PYTHON) -m venv $(LOCK) && $(LOCK)/bin/pip install --quiet uv==$(UV); }
	export UV_CUSTOM_COMPILE_COMMAND="make lock"
	lock="$(LOCK)/bin/uv pip compile --quiet --universal --python-version 3.11 $(UPGRADE)"
	lock="$$lock --generate-hashes --no-build --no-emit-package pip"
	$$lock -o requirements.txt infra/requirements/requirements.in
	$$lock -o infra/requirements/runtime.txt -c requirements.txt infra/requirements/runtime.in
	$$lock -o tests/requirements.txt infra/requirements/tests.in
	$$lock -o infra/requirements/node.txt infra/requirements/node.in

# What runs is installed by dev.py; what tests, here, again when its pins have changed.
.PHONY: tools
tools:
	@$(PYTHON) infra/dev.py install
	if ! cmp --silent tests/requirements.txt .venv/tests-installed.txt; then
		echo "  … test tools"
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
		cp tests/requirements.txt .venv/tests-installed.txt
	fi
