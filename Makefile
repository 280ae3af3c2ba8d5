# `make help` explains the targets.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo demo-label-studio test test-extras test-ray test-live label-studio lint types check bench docs clean

help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Make .venv and install labelloop with the pinned set of packages.

# torch comes first and by its exact version: its CPU build is a fraction of the size of the default.
$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), about two minutes"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## Run a campaign on scikit-learn's digits with five simulated annotators, in demo/.
	@test -e demo/params.yaml || $(BIN)/labelloop init demo --own-git > /dev/null
	@PATH="$(CURDIR)/$(BIN):$$PATH" labelloop run demo

# One process more than cores, as some wait for servers; in order of the folders, of which the slow ones come first.
PROCESSES = $$(python -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")

test: $(READY) ## Run the default test suite.
	@PATH="$(CURDIR)/$(BIN):$$PATH"; python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# What is installed only by request is skipped above: a Dask cluster, and the libraries that ours is compared with.
EXTRA_TESTS := tests/flows/test_dask_cluster.py tests/contract/test_fusers.py tests/unit/fusion/test_fusion_peers.py \
	tests/unit/fusion/test_crowdkit_oracle.py tests/unit/acquisition/test_strategy_peers.py

test-extras: $(READY) ## Add Dask and the libraries we compare with to .venv, and run the tests that need them.
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,dask,peers]'
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist loadfile $(EXTRA_TESTS)

test-ray: $(READY) ## Add Ray (large) to .venv, and run the tests of a Ray cluster.
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 0 tests/flows/test_ray_cluster.py

# LIVE="live and not slow" leaves out the minutes-long ones: faults by the hundred, kills, the demo.
LIVE ?= live

test-live: $(READY) ## Run the tests against real servers (Label Studio, Prefect) and a browser, which they start.
	@$(BIN)/python scripts/label_studio.py --install-only
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -m "$(LIVE)" --durations 10 $(ARGS) tests/live

label-studio: $(READY) ## Start Label Studio on this machine, with accounts for three annotators, in .label-studio/.
	@$(BIN)/python scripts/label_studio.py

demo-label-studio: $(READY) ## Run a campaign through that server, with three scripted annotators, in demo-label-studio/.
	@$(BIN)/python scripts/demo_label_studio.py

lint: $(READY) ## Check style.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY) ## Check types.
	@$(BIN)/mypy

check: lint types ## Check style, types, and that generated documents are up to date.
	@$(BIN)/python docs/configuration.py --check

bench: $(READY) ## Measure what the README quotes; see bench/README.md.
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m bench

docs: $(READY) ## Write docs/configuration.md from the settings' descriptions.
	@$(BIN)/python docs/configuration.py

clean: ## Remove .venv and the demos.
	rm -rf $(VENV) demo demo-label-studio
