# Every target makes .venv and installs by itself when that is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DEV_PORT ?= 3000
EMULATOR_PORT ?= 8040
PUBSUB_PORT ?= 8041
export DAGSTER_HOME ?= $(CURDIR)/.tidegate/dagster
export DAGSTER_DISABLE_TELEMETRY := yes

.DEFAULT_GOAL := help
.PHONY: help setup demo dev emulator test test-slow bench check format docs constraints

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 15) else f"Python 3.11 to 3.14 is needed, $(PYTHON) is {v[0]}.{v[1]}: set PYTHON=…")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: install it (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(STAMP) ## install, and prepare .tidegate/ (state of this checkout)
	@$(BIN)/python -m pipelines setup

demo: setup ## a whole night against the org emulator, compared row by row
	@$(BIN)/python -m pipelines demo

dev: setup ## Dagster UI on DEV_PORT (3000) with the emulator on EMULATOR_PORT (8040)
	@$(BIN)/python -m pipelines dev --port $(DEV_PORT) --emulator-port $(EMULATOR_PORT) --pubsub-port $(PUBSUB_PORT)

emulator: setup ## the org emulator alone, with demo data
	@$(BIN)/python -m emulator --port $(EMULATOR_PORT) --pubsub-port $(PUBSUB_PORT) --seed demo --data .tidegate/emulator

test: $(STAMP) ## the fast tests
	@$(BIN)/python -m pytest -n auto --dist loadfile -q

test-slow: $(STAMP) ## the slow tests
	@$(BIN)/python -m pytest -n auto --dist loadfile -q -m slow

bench: $(STAMP) ## how fast events and bulk jobs are taken, and how fresh tables are
	@$(BIN)/python -m benchmarks.events
	@$(BIN)/python -m benchmarks.freshness
	@$(BIN)/python -m benchmarks.ingest

check: $(STAMP) ## what CI runs first: format, lint, types, import contracts, fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

format: $(STAMP) ## format, and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(STAMP) ## write docs/configuration.md from the settings' own sentences
	@$(BIN)/python -m pipelines.configuration_reference > docs/.configuration.md
	@mv docs/.configuration.md docs/configuration.md

constraints: $(STAMP) ## write the installed versions into constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres,s3]'
	@$(BIN)/python -m pip freeze --exclude-editable | sort -f > constraints.txt
