# The project's commands. `make run` and `make test` need Python 3.11 to 3.13 with venv, make, and nothing else.

PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

# Extras beyond the test's own, such as `make test EXTRAS=torch`.
EXTRAS ?=
comma := ,

export CARBON_DATA_DIR ?= data
# Absolute, as Dagster wants it; the path of the clone may contain blanks, so it is no target of make.
export DAGSTER_HOME ?= $(if $(filter /%,$(CARBON_DATA_DIR)),,$(CURDIR)/)$(CARBON_DATA_DIR)/dagster

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-cluster test-gpu ui lint format bench simulate docs pictures clean

help: ## Shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

run: $(VENV)/ready-run dagster-home ## Runs the whole pipeline once and prints what it measured
	@$(BIN)/python -m carbon_pipeline.example

# Another one where 3000 is taken: make ui PORT=3001
PORT ?= 3000

ui: $(VENV)/ready-ui dagster-home ## The Dagster UI on http://127.0.0.1:3000
	$(BIN)/dg dev --host 127.0.0.1 --port $(PORT)

# One process for each core.
IN_PARALLEL := -n auto --dist worksteal

test: $(VENV)/ready-test$(EXTRAS) browser ## Runs the tests; EXTRAS=torch includes the PyTorch back end
	$(BIN)/pytest $(IN_PARALLEL)

# Users will install either DuckDB; 2.0.0 has a race that loses commits unless it is opened as the warehouse opens it.
OTHER_DUCKDB := 2.0.0
WAREHOUSE_TESTS := $(addprefix carbon_pipeline_tests/integration/test_,storage.py warehouse.py csv_import.py faults.py fuzz.py real_files.py)

test-long: $(VENV)/ready-test$(EXTRAS) browser $(VENV)/duckdb-$(OTHER_DUCKDB) ## Runs the slow tests: kill series, fuzz, real load, the other DuckDB
	$(BIN)/pytest $(IN_PARALLEL) -m long
	PYTHONPATH=$(VENV)/duckdb-$(OTHER_DUCKDB) $(BIN)/pytest $(IN_PARALLEL) -q -m "long or not long" $(WAREHOUSE_TESTS)

# Its own environment: Ray brings some fifty packages. PostgreSQL is Debian's.
CLUSTER := .venv-cluster

test-cluster: $(CLUSTER)/ready ## Runs the tests of several machines: Ray, PostgreSQL and S3 on the loopback
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y postgresql >/dev/null; } \
	|| { echo "PostgreSQL is missing: apt-get install postgresql"; exit 1; }
	$(CLUSTER)/bin/pytest -rP carbon_pipeline_tests/cluster

# Its own exit status: 0 all hold, 1 one fails or was not run, 2 no GPU. GPU_CHECKS=--may-skip allows the second.
test-gpu: $(VENV)/ready-test$(EXTRAS) ## Holds the GPU energy against NVML on a real GPU; EXTRAS=torch includes PyTorch
	@$(BIN)/python -m carbon_pipeline_tests.gpu $(GPU_CHECKS)

lint: $(VENV)/ready-dev dagster-home ## Checks style, types and definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 0 carbon_pipeline
	$(BIN)/dg check toml
	$(BIN)/dg check defs

format: $(VENV)/ready-dev ## Formats the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/ready-test ## Benchmarks, as ratios against the peers that they name
	@for benchmark in $(filter-out %/fleet.py,$(wildcard carbon_pipeline_tests/benchmarks/[a-z]*.py)); do $(BIN)/python $$benchmark; done

simulate: $(VENV)/ready-test ## A year of a fleet: load and queries at 1 and 10 million runs; 30 GB of disk
	@$(BIN)/python carbon_pipeline_tests/benchmarks/fleet.py

docs: $(VENV)/ready-run ## Writes the tables of the documentation that come from the code
	$(BIN)/python docs/generate.py

pictures: $(VENV)/ready-test browser ## Takes the pictures of the documentation again
	$(BIN)/python docs/pictures/make.py

clean: ## Removes the virtual environments; data stay
	rm -rf $(VENV) $(CLUSTER)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 with the module venv is needed (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready-run: EXTRA = [example]
$(VENV)/ready-ui: EXTRA = [example,ui]
$(VENV)/ready-test$(EXTRAS): EXTRA = [test$(if $(EXTRAS),$(comma)$(EXTRAS))]
$(VENV)/ready-dev: EXTRA = [dev]
$(VENV)/ready-%: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing carbon-pipeline$(EXTRA) into $(VENV): a minute or two ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(EXTRA)'
	@touch $@

$(CLUSTER)/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 with the module venv is needed (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(CLUSTER)
	@echo "Installing carbon-pipeline[cluster] into $(CLUSTER): some minutes ..."
	@$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cluster]'
	@touch $@

$(VENV)/duckdb-$(OTHER_DUCKDB): $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@.part duckdb==$(OTHER_DUCKDB)
	@mv $@.part $@

.PHONY: dagster-home
dagster-home:
	@mkdir -p "$$DAGSTER_HOME"
	@cp dagster.yaml "$$DAGSTER_HOME/dagster.yaml"

# The browser test needs Chromium: one that is there, else Debian's, else the one that Playwright brings.
.PHONY: browser
browser: $(BIN)/python
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { echo "Installing Chromium for the tests of the pages: a minute or two ..."; false; } \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y chromium >/dev/null; } \
	|| $(BIN)/playwright install chromium \
	|| { echo "No browser for the end-to-end test: install chromium, then run make test again"; exit 1; }
