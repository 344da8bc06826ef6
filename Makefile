# Every habit of the house. `make` or `make help` lists them; each installs what it needs by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
.NOTPARALLEL:

# The first Python of 3.11 to 3.13; say `make PYTHON=python3.13 VENV=.venv-3.13 …` for another.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$each" && exit; done; echo none)
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := infra/build/lock
UV := 0.13.9

export PIP_DISABLE_PIP_VERSION_CHECK := 1

PYTHON_CODE := chalicelib infra tests $(wildcard app.py)
TESTS ?= tests

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run everything on this machine (PORT, DEMO=0 and LIGHTKEEPER_DATA choose how)
	@$(PYTHON) infra/dev.py run

.PHONY: check
check: style types laws pages-check pages test ## Check everything: what CI runs

.PHONY: format
format: $(VENV)/.tools ## Format the Python code and sort out what can be sorted out
	$(BIN)/ruff format $(PYTHON_CODE)
	$(BIN)/ruff check --fix $(PYTHON_CODE)

.PHONY: test
test: $(VENV)/.tools $(VENV)/.node ## Run the tests, in a browser too (TESTS=tests/domain for some)
	@$(find-browser)
	echo "pytest $(TESTS), browser $$browser"
	CHROMIUM="$$browser" $(BIN)/python -m pytest $(TESTS)

.PHONY: style
style: $(VENV)/.tools ## Check format and lint of the Python code
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/ruff check $(PYTHON_CODE)

.PHONY: types
types: $(VENV)/.tools ## Check the types of the Python code
	$(BIN)/mypy $(PYTHON_CODE)

.PHONY: laws
laws: $(VENV)/.tools ## Check who imports whom
	$(BIN)/lint-imports

.PHONY: pages-check
pages-check: frontend/node_modules/.stamp ## Check the pages: lint, types, unit tests
	cd frontend && npm run --silent lint && npm run --silent check && npm run --silent test

.PHONY: pages
pages: frontend/node_modules/.stamp ## Build the pages and weigh them
	cd frontend && npm run --silent build && npm run --silent size

.PHONY: bench
bench: $(VENV)/.tools $(VENV)/.node ## Measure what things cost: goal, floor, measured
	$(BIN)/python -m infra.bench

.PHONY: package
package: $(VENV)/.tools pages ## Build what is deployed: the functions' zip and the template
	$(BIN)/python infra/package.py

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

# --- What the above stand on -----------------------------------------------------------------------
# Chalice wants pip below 26.3; that line changes nothing where it is.
$(VENV)/.tools: requirements.txt tests/requirements.txt
	@if [ "$(PYTHON)" = none ]; then echo "Python 3.11, 3.12 or 3.13 is needed: install one." >&2; exit 1; fi
	echo "Installing the tools into $(VENV) (about a minute)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet 'pip<26.3'
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt -r tests/requirements.txt
	touch $@

# Node is the machine's if it is new enough, else the virtual environment's, which these look in.
test bench pages pages-check $(VENV)/.node frontend/node_modules/.stamp: export PATH := $(abspath $(BIN)):$(PATH)

# URL.parse came with Node 22; the sign-in of the local platform and the pages' tests want it.
$(VENV)/.node: infra/requirements/node.txt | $(VENV)/.tools
	@if ! { command -v npm && node -e 'process.exit(URL.parse ? 0 : 1)'; } >/dev/null 2>&1; then
		echo "Installing Node into $(VENV): the machine's is missing or older than 22"
		$(BIN)/python -m pip install --quiet --require-hashes -r infra/requirements/node.txt
	fi
	touch $@

frontend/node_modules/.stamp: frontend/package.json frontend/package-lock.json $(VENV)/.node
	@cd frontend
	npm ci --no-audit --no-fund --loglevel=error
	touch node_modules/.stamp

# Chromium of the machine, else the one that Playwright has fetched, else one line and the end.
define find-browser
browser=$${CHROMIUM:-$$(command -v chromium || command -v google-chrome || command -v chromium-browser || true)}
if [ -z "$$browser" ]; then
	browser=$$($(BIN)/python -c 'from playwright.sync_api import sync_playwright as start; p = start().start(); print(p.chromium.executable_path); p.stop()')
fi
if [ ! -x "$$browser" ]; then
	echo "The browser tests need Chromium: apt-get install chromium fonts-wqy-microhei, or $(BIN)/playwright install chromium" >&2; exit 1
fi
endef
