# Two commands for users: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup parts demo test lint docs fast-test walk walk-all sim lab-test test-lab real-stories controller-stories bench-demo bench-failover bench-answers bench-gateway airflow-envs airflow-test airflow-locks lock clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed parts  ## Make .venv/bin/emr-dr and fetch the lab's parts

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "emr-dr needs Python 3.11 or newer; say which with: make setup PYTHON=python3.12" >&2; exit 2; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing locked dependencies"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

parts: $(VENV)/.installed  ## Fetch JDK, Spark, Hadoop and Livy into the user's cache
	@$(BIN)/emr-dr lab fetch

demo: setup  ## An Availability Zone dies, and Spark goes on (about three minutes)
	@$(BIN)/emr-dr demo active-passive --json build/demo.json

# The parts and Airflow arrive while style and types are checked, and the documentation is built.
test: $(VENV)/.installed  ## Everything that CI runs
	@$(MAKE) --no-print-directory --output-sync=line -j2 parts lint docs airflow-envs
	@$(MAKE) --no-print-directory fast-test
	@$(MAKE) --no-print-directory walk
	@$(MAKE) --no-print-directory sim WORLDS=500
	@$(MAKE) --no-print-directory airflow-test
	@$(MAKE) --no-print-directory lab-test

lint: $(VENV)/.installed  ## Style, types, and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/.installed  ## Build the documentation into build/site; any broken link or place stops it
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=tests $(BIN)/python -m mkdocs build --strict --quiet

fast-test: $(VENV)/.installed  ## The tests that need no services (three minutes)
	@$(BIN)/python -m pytest -m "not lab and not airflow" -q -n 2 --dist worksteal

walk: $(VENV)/.installed  ## Search the protocol whole, on the product's own code (two minutes)
	@PYTHONPATH=tests $(BIN)/python -m walk --ci

walk-all: $(VENV)/.installed  ## The same with every run, the large ones too
	@PYTHONPATH=tests $(BIN)/python -m walk --all

WORLDS ?= 20000
sim: $(VENV)/.installed  ## Simulate 20,000 worlds of random faults (WORLDS=500 SEED=1 for fewer, or for others)
	@PYTHONPATH=tests $(BIN)/python -m simulation.worlds --worlds $(WORLDS) $(if $(SEED),--seed $(SEED))

# Stories of controllers wait for leases and need no machine: they are told beside those on real clusters.
lab-test: setup  ## The stories on real Spark, Livy, YARN and HDFS
	@$(MAKE) --no-print-directory -j2 controller-stories real-stories

real-stories: setup
	@$(BIN)/python -m pytest -m "lab and not controllers and not airflow and not long" -v

controller-stories: setup
	@$(BIN)/python -m pytest -m "controllers and not long" -v

test-lab: lab-test  ## Every story, those too that take too long for each change
	@$(BIN)/python -m pytest -m "lab and long" -v

bench-demo: setup  ## The figures of docs/benchmarks.md: three demos and what watching costs
	@$(BIN)/python -m benchmarks.demo

bench-failover: setup  ## The same disaster for emr-dr and for the post's procedure (an hour, bench-answers with it)
	@$(BIN)/python -m benchmarks.failover
	@$(MAKE) --no-print-directory bench-answers

bench-answers: setup  ## What clients are told behind the post's two clusters and a plain balancer (six minutes)
	@$(BIN)/python -m benchmarks.answers

bench-gateway: setup  ## What the Livy gateway costs and saves: polls, submissions, a member's death, memory (ten minutes)
	@$(BIN)/python -m benchmarks.gateway

# Airflow takes no part in our own environment: what it needs is older than what we need.
airflow-envs: $(VENV)/.installed  ## Build an environment for each line of Airflow, and for other clients of Livy, in the user's cache
	@PYTHONPATH=tests $(BIN)/python -m airflow_lines

airflow-test: airflow-envs  ## examples/airflow and real clients of the gateway, beside stand-ins (four minutes)
	@$(BIN)/python -m pytest -m "airflow and not long" -q -n 2 --dist loadfile

airflow-locks: $(VENV)/.installed  ## Resolve examples/airflow/lock-*.in as of the day that each names
	@for line in examples/airflow/lock-*.in; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --exclude-newer "$$(grep -oE '[0-9]{4}-[0-9]{2}-[0-9]{2}' $$line)" --custom-compile-command "make airflow-locks" \
	    $$line -o $${line%.in}.txt || exit 1; \
	done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --exclude-newer "$$(grep -oE '[0-9]{4}-[0-9]{2}-[0-9]{2}' tests/livy_clients/lock.in)" \
	  --no-emit-package krb5 --no-emit-package gssapi --custom-compile-command "make airflow-locks" \
	  tests/livy_clients/lock.in -o tests/livy_clients/lock.txt

lock: $(VENV)/bin/python  ## Resolve the newest versions into requirements.lock
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-annotate \
	  --extra lab --extra dev --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:  ## Remove what was built here; the cache of parts stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
