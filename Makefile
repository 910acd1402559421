# make lab        open the course in JupyterLab      (LAB_ARGS="--no-browser --port=8899")
# make test       what CI runs                       (JOBS=4)
# make env        only the environment, .venv        (PYTHON=python3.12)
# make test-all   also the slow tests: many seeds
# make notebooks  build notebooks/, solutions/ and exercises/ from lessons/
# make site       the lessons as pages to read, in build/site
# make lint       style, types, import walls, workflow files
# make bench      the figures that the README quotes, beside their peers (fetched, if they can be);
#                 BENCH_ARGS=--save keeps them in benchmarks/results
.PHONY: env lab test test-all notebooks site lint bench

BIN := .venv/bin
JOBS ?= 2
# Files as they are collected: by default those with few tests come last, and these are the slow ones.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder \
	--durations=15 --durations-min=20
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with=tests/nbval.cfg

env:
	@PYTHON="$(PYTHON)" sh tools/env.sh

lab: env
	@$(BIN)/coursekit lab -- $(LAB_ARGS)

test: lint
	$(PYTEST)
	$(PYTEST) $(NBVAL) notebooks solutions exercises

test-all: lint
	$(PYTEST) -m "slow or not slow"
	$(PYTEST) $(NBVAL) notebooks solutions exercises

notebooks: env
	$(BIN)/python tools/build_notebooks.py

site: env
	$(BIN)/python tools/build_site.py

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

bench: env
	-$(BIN)/python -m pip install --quiet --constraint constraints.txt '.[bench]'
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script $(BENCH_ARGS) || exit 1; done
