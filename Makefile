# npusim: everything a checkout needs. Each target sets up its own virtual environment.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
OUT    ?= out

.PHONY: help demo test test-slow bench lint format clean

help:
	@echo "make demo       simulate before and after, verify both, compare them; pictures in $(OUT)/"
	@echo "make test       all tests but the slow ones"
	@echo "make test-slow  the slow tests"
	@echo "make bench      the benchmarks"
	@echo "make lint       format check, lint, types"
	@echo "make clean      remove what these targets made"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "npusim needs Python 3.11 or newer; set PYTHON=…" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime
	$(BIN)/npusim run prefill_sparse_attn --variant before -o $(OUT)/before
	$(BIN)/npusim run prefill_sparse_attn --variant after -o $(OUT)/after
	$(BIN)/npusim compare $(OUT)/before $(OUT)/after -o $(OUT)/compare
	@echo "pictures: $(OUT)/before/swimlane.png $(OUT)/after/swimlane.png $(OUT)/compare/compare.png"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -p no:benchmark --ignore=tests/benchmarks -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -p no:benchmark --ignore=tests/benchmarks -m slow

bench: $(VENV)/.dev
	$(BIN)/python -m pytest tests/benchmarks --benchmark-columns=median,min,max,rounds

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
