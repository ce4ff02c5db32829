# Every target sets up what it needs: `make train` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
ARGS ?=
WORKERS ?= 2
BIN := $(VENV)/bin

CASES := tests/ops/test_cases.py
PARITY := $(CASES)::test_meaning $(CASES)::test_single_precision tests/models \
	tests/benchmarks/test_networks.py tests/training/test_step.py tests/interop/test_formats.py tests/interop/test_layer_cases.py \
	$(shell grep -lE "TORCH|twins" tests/ops/test_*.py | grep -v $(CASES))
SMOKE := $(CASES)::test_meaning tests/engine tests/interop tests/layers tests/models tests/test_check.py \
	tests/training/test_runs.py tests/training/test_checkpoints.py tests/training/test_epoch.py \
	tests/test_rooms.py tests/ops/test_windows.py tests/ops/test_transposed.py

TABLES := train_steps accelerated layers pools

.PHONY: help train test test-all gates tables parity bench lint format smoke lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

train: $(VENV)/.train  ## train LeNet on the embedded digits (ARGS="--epochs 5 …" for other runs)
	$(BIN)/jaxcnn train $(ARGS)

test: $(VENV)/.$(EXTRAS)  ## run the tests; torch is not needed
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-all: $(VENV)/.$(EXTRAS)  ## every property of every case, and ten times deeper sweeps
	JAXCNN_SWEEP=10 $(BIN)/python -m pytest -n $(WORKERS) -m '' $(ARGS)

gates: $(VENV)/.$(EXTRAS)  ## accuracy and speed beside what was recorded (python -m tests.gates.record)
	$(BIN)/python -m pytest -m '' tests/gates $(ARGS)
	JAXCNN_NATIVE=0 $(BIN)/python -m pytest tests/gates -k speed $(ARGS)

parity: $(VENV)/.test,torch  ## compare the ops with torch itself
	$(BIN)/python -m pytest -n $(WORKERS) $(PARITY) $(ARGS)

tables: $(VENV)/.test,torch  ## write docs/functions.md, docs/ops.md and docs/layers.md anew
	$(BIN)/python -m tests.ops.listing
	$(BIN)/python -m tests.ops.table
	$(BIN)/python -m tests.layers.table

bench: $(VENV)/.test,torch,bench  ## time everything beside lax, Flax and torch; write docs/benchmarks.md
	$(foreach table,$(TABLES),$(BIN)/python -m benchmarks.$(table) $(ARGS) &&) \
		$(BIN)/python -m benchmarks.page

lint: $(VENV)/.lint  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.lint  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One stamp per set of extras. The lock pins every version; it holds no address.
$(VENV)/.%: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "jaxcnn needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.$(if $(filter train,$*),,[$*])'
	touch $@

# The same package on the newest jax: make smoke PYTHON=python3.13
smoke:  ## a short set of tests on the newest jax that PYTHON can install
	test -x .venv-newest/bin/python || $(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[test]'
	.venv-newest/bin/python -c 'import jax, sys; print("jax", jax.__version__, "on Python", sys.version.split()[0])'
	# Without native code: what a machine without a compiler computes with.
	JAXCNN_NATIVE=0 .venv-newest/bin/python -m pytest -n $(WORKERS) $(SMOKE) \
		--ignore tests/engine/test_forms.py -k "not test_cases or conv or pool2d" $(ARGS)

lock:  ## write requirements.lock anew, from a fresh environment
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable '.[test,torch,bench,lint]'
	{ echo '# Exact versions for every target of the Makefile; made by `make lock`.'; \
	  .venv-lock/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | sed 's/+cpu$$//'; } > requirements.lock
	rm -rf .venv-lock

clean:  ## remove what the targets made, but no runs
	rm -rf .venv .venv-newest .venv-lock .pytest_cache .mypy_cache .ruff_cache .hypothesis
