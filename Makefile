# Every target makes what it needs; `make PYTHON=python3.13 test` does it all with another Python.

PYTHON ?= python3
# A torch to compare with, for example TORCH=torch==2.13.0+cpu; without one those tests are skipped.
TORCH ?=
# What to measure, for example SUITES="overhead sine"; everything by default.
SUITES ?=

version := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV ?= .venv-$(version)
bin := $(VENV)/bin
installed := $(VENV)/installed
others := $(VENV)/installed-others
torch := $(VENV)/installed-torch

.PHONY: help test demo bench notebooks format clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: $(installed) $(if $(TORCH),$(torch)) ## Check style, format, types and every test
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/pyright --pythonpath $(bin)/python
	$(bin)/python -m pytest -n 2

demo: $(installed) ## Run the demo
	$(bin)/python -m fnn.demo

# On Linux glibc's malloc then asks for large pages, and keeps what was freed: otherwise the system
# clears pages in each step, in some runs and not in others, which can take most of the time.
bench: export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824
bench: $(installed) $(others) $(if $(TORCH),$(torch)) ## Measure speed, side by side
	$(bin)/python -m benchmarks --markdown $(SUITES)

notebooks: $(installed) ## Run every notebook, and all that it asserts
	$(bin)/jupyter-execute $(wildcard notebooks/*.ipynb)

format: $(installed) ## Format, and mend what can be mended
	$(bin)/ruff check --fix
	$(bin)/ruff format

clean: ## Remove all that was made here
	rm -rf .venv-* build dist demo-output .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(installed): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(bin)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(bin)/python -m pip install --quiet --editable '.[demo,notebooks]' --group dev
	touch $@

# Libraries to compare with.
$(others): $(installed)
	$(bin)/python -m pip install --quiet --group bench
	touch $@

# Only ever a wheel; where there is none the tests that compare with it are skipped.
$(torch): $(installed)
	$(bin)/python -m pip install --quiet --only-binary :all: $(TORCH) && touch $@ || echo 'no torch here'
