# Everything starts here. `make` alone explains the targets.

.DEFAULT_GOAL := help
.PHONY: help up paper test lint bench chaos live-check clean

VENV := .venv
BIN := $(VENV)/bin
# Set PYTHON to use another one: make up PYTHON=/opt/python3.12/bin/python3
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
JSON ?=
ARGS ?=
VENUE ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## this page
	@echo 'Orderwire: a self-hosted order gateway.'
	@echo
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## ?/\1|/' | while IFS='|' read -r t d; do printf '  make %-10s %s\n' "$$t" "$$d"; done
	@echo
	@echo 'Settings come from the environment: WORKERS=4 make up, or make up WORKERS=4. The README lists them all.'

up: $(VENV)/.ready  ## set up what is missing and start everything in the foreground; Ctrl-C stops it
	@$(BIN)/orderwire up

paper: $(VENV)/.ready  ## only the paper exchange, on PAPER_PORT
	@$(BIN)/orderwire paper

test: $(VENV)/.ready-dev  ## set up what is missing and run the whole suite, on a real Redis; make test ARGS='-k sse' runs a part
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.ready-dev  ## style, format and strict types, over code and tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.ready-dev  ## print the figures as tables; make bench JSON=figures.json writes them too
	@$(BIN)/python -m tests.bench $(if $(JSON),--json $(JSON)) $(ARGS)

chaos: $(VENV)/.ready-dev  ## break things on purpose and print what held; make chaos JSON=figures.json writes it too
	@$(BIN)/python -m tests.chaos $(if $(JSON),--json $(JSON)) $(ARGS)

live-check: $(VENV)/.ready-dev  ## ask a venue's testnet what only it can tell: make live-check VENUE=gate, with a key of yours
	@$(BIN)/python -m tests.venues.live $(VENUE) $(if $(JSON),--json $(JSON)) $(ARGS)

clean:  ## remove what the tools leave behind; keeps .venv and var/ (your data)
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamps follow pyproject.toml: nothing is installed again until it changes.
$(VENV)/.ready: pyproject.toml | $(BIN)/python
	@echo 'Installing what Orderwire needs into $(VENV) (once; a minute or so) …'
	@$(BIN)/python -m pip install -qq --editable . || { echo 'The packages could not be installed; pip says why above. Then run make again.' >&2; exit 1; }
	@touch $@

$(VENV)/.ready-dev: pyproject.toml | $(BIN)/python
	@echo 'Installing what the tests need into $(VENV) (once; a minute or two) …'
	@$(BIN)/python -m pip install -qq --editable '.[dev]' || { echo 'The packages could not be installed; pip says why above. Then run make again.' >&2; exit 1; }
	@touch $(VENV)/.ready $@

$(BIN)/python:
	@if [ -z '$(PYTHON)' ]; then echo 'Python 3.11 or newer is needed and was not found.' >&2; \
		echo '  install it (apt-get install python3 python3-venv), or name it: make up PYTHON=/path/to/python3.11' >&2; exit 1; fi
	@'$(PYTHON)' -m venv $(VENV) || { rm -rf $(VENV); echo 'A virtual environment could not be made.' >&2; \
		echo '  on Debian: apt-get install python3-venv' >&2; exit 1; }
