# Targets for a machine with python3 (3.11 or newer), its venv module, gcc and make. `make help` lists them.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := ratingcore ledger aaad billing_jobs
INSTALLED := $(VENV)/installed.stamp
COMPILED := $(VENV)/compiled.stamp
TOOLS := $(VENV)/tools.stamp
GENERATOR := $(VENV)/generator.stamp
AS_IT_IS := $(wildcard $(patsubst %.pxd,%.py,$(shell find $(PACKAGES) -name '*.pxd')))
GENERATOR_FROM := $(shell find benchmarks -name '*.pyx' -o -name '*.pxd')
COMPILED_FROM := $(shell find $(PACKAGES) -name '*.pyx' -o -name '*.pxd' -o -name '*.h') $(AS_IT_IS)
PIP := $(BIN)/pip install -q --disable-pip-version-check
# The modules are compiled by the next rule alone: pip would do it in a folder that it throws away.
# Cython goes in first, from the same list that an isolated build reads: were it to pass by in such a build
# and then be installed newer than what it compiled, everything would be compiled twice.
READ_PROJECT := import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))
BUILD_REQUIRES := $(READ_PROJECT); print(*project["build-system"]["requires"])
DEV_REQUIRES := $(READ_PROJECT); print(*project["project"]["optional-dependencies"]["dev"])
PRODUCTS = find $(PACKAGES) benchmarks/load \( -name '*.so' -o -name '*.c' -o -name '*.html' \) -delete

.PHONY: help build demo test test-long check bench debug clean
.DEFAULT_GOAL := help

help:       ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: $(COMPILED)  ## the venv in .venv and the compiled modules

demo: $(COMPILED)  ## plays NAS sessions against the daemon (KEEP=1 leaves it running)
	@$(BIN)/python -m demo.run

test: $(COMPILED) $(TOOLS) $(GENERATOR)  ## everything, within 20 minutes on 2 cores
	@.ci/system-packages peers
	$(BIN)/python -m pytest -n auto --dist loadfile -q

test-long: $(COMPILED) $(TOOLS) $(GENERATOR)  ## the same with the big case counts
	@.ci/system-packages peers
	AAAD_LONG=1 $(BIN)/python -m pytest -n auto --dist loadfile -q

check: $(COMPILED) $(TOOLS)  ## lint, types and the rules of the tree, under 2 minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_tidy.py

bench: $(COMPILED) $(GENERATOR)  ## aaad beside its peers, and each part by itself (QUICK=1: minutes)
	@.ci/system-packages peers
	@set -e; for file in benchmarks/bench_*.py; do name=$$(basename $$file .py); \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done
	$(BIN)/python -m benchmarks.store_posting
	$(BIN)/python -m benchmarks.compare $(if $(QUICK),--quick)

debug: $(COMPILED) $(TOOLS)  ## the suite on a traced, annotated, unoptimised build
	$(PRODUCTS)
	rm -f $(COMPILED) $(GENERATOR)
	AAAD_DEBUG=1 $(BIN)/python setup.py -q build_ext --inplace --force
	PYTHONASYNCIODEBUG=1 $(BIN)/python -X dev -m pytest -q; code=$$?; \
	  find $(PACKAGES) \( -name '*.so' -o -name '*.c' \) -delete; exit $$code

clean:      ## removes all that was built
	$(PRODUCTS)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml setup.py
	@.ci/system-packages build
	$(PYTHON) -m venv $(VENV)
	$(PIP) $$($(PYTHON) -c '$(BUILD_REQUIRES)')
	AAAD_COMPILE=0 $(PIP) --no-build-isolation -e .
	@touch $@

# What only tests and lint need: `make demo` does without.
$(TOOLS): $(INSTALLED)
	$(PIP) $$($(PYTHON) -c '$(DEV_REQUIRES)')
	@touch $@

$(COMPILED): $(INSTALLED) $(COMPILED_FROM)
	$(BIN)/python setup.py -q build_ext --inplace
	@touch $@

# The load generator of benchmarks/ and of the tests that use it.
$(GENERATOR): $(COMPILED) $(GENERATOR_FROM)
	AAAD_BENCHMARKS=1 $(BIN)/python setup.py -q build_ext --inplace
	@touch $@
