# One folder, .venv, holds everything; `make setup` fills it and does nothing when it is up to date.
#
#   PYTHON=python3.12     another interpreter (3.10 or newer)
#   TORCH_INDEX=URL       another package index for PyTorch, e.g. https://download.pytorch.org/whl/cu128
#   DS_STILTS_DATA=DIR    folder with the official data files, for the tests that read them

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TORCH_INDEX ?=

# Ranks are processes of their own: one thread each, so that two of them do not fight over the cores.
export OMP_NUM_THREADS ?= 1
# DeepSpeed calls ninja by name when it builds an operation.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup quickstart test test-full check format clean

help:
	@echo "make setup        install into $(VENV) (does nothing when it is up to date)"
	@echo "make quickstart   setup, then the offline example: made-up languages, all three phases, a report"
	@echo "make test         setup, then every test that this machine can run in minutes"
	@echo "make test-full    the same, with the slow ones"
	@echo "make check        format, lint, types and fast tests, under a minute"
	@echo "make clean        remove $(VENV), caches and build output; runs/ stays"

setup: $(STAMP)

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	    echo "error: ds_stilts needs Python 3.10 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true);" \
	         "name another one, e.g. make setup PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "error: '$(PYTHON)' cannot create virtual environments; install its venv package" \
	         "(Debian, Ubuntu: apt-get install python3-venv) and run make again" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	.ci/install_torch $(BIN)/python $(TORCH_INDEX)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	# An oracle for the tests only. Without dependencies: it asks for Keras, and uses it for nothing that we call. Built as
	# PEP 517 has it: an old pip runs its setup.py, which fetches a setuptools_scm without what that needs.
	$(BIN)/python -m pip install --quiet --use-pep517 --no-deps seqeval==0.0.12
	touch $@

quickstart: setup
	$(BIN)/ds-stilts quickstart

test: setup
	$(BIN)/python -m pytest -m "not slow"

test-full: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not spine and not real_data and not cluster and not slow"

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
