# Every target sets up what it needs: `make train` and `make test` work on a fresh clone.
# PYTHON is used where it is given. Else .ci/find-python looks for the newest that suits.
PYTHON ?=
VENV ?= .venv
EXTRAS ?= test
ARGS ?=
WORKERS ?= 2
BIN = $(VENV)/bin
# The pinned torch is for Python 3.11, so what needs it has an environment of its own.
TORCH := parity tables bench golden-models
$(TORCH): VENV := .venv-torch
$(TORCH): VERSIONS := 3.11
# The compiler of TPUs is large.
tpu: VENV := .venv-tpu

CASES := tests/ops/test_cases.py
PARITY := $(CASES)::test_meaning $(CASES)::test_single_precision \
	tests/models/test_lenet.py tests/models/test_exports.py \
	tests/benchmarks/test_networks.py tests/training/test_step.py tests/interop/test_formats.py \
	tests/interop/test_layer_cases.py tests/interop/test_torch_weights.py \
	$(shell grep -lE "TORCH|twins" tests/ops/test_*.py | grep -v $(CASES))
SMOKE := $(CASES)::test_meaning tests/ops/test_sharded.py tests/engine tests/interop/test_formats.py \
	tests/layers/test_layers.py tests/models/test_lenet.py tests/test_check.py tests/runs/test_runs.py \
	tests/runs/test_resume.py tests/runs/test_checkpoints.py tests/training/test_program.py tests/test_rooms.py \
	tests/ops/test_windows.py tests/ops/test_transposed.py

# The programs of the tests are tiny: LLVM's optimizations take longer than they save. The smoke
# test, parity and the gates have them.
QUICK := --xla_backend_optimization_level=0
# A worker that is done takes over tests from one that is not.
DIST := --dist worksteal

TABLES := train_steps inference growth accelerated layers pools

.NOTPARALLEL:
.PHONY: help train test slow deep test-all gates zoo golden-models tpu tables parity bench bench-newest lint format smoke lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

train: env-train  ## train LeNet on the embedded digits (ARGS="--epochs 5 …" for other runs)
	$(BIN)/jaxcnn train $(ARGS)

test: env-$(EXTRAS)  ## run the tests that are quick; torch is not needed
	XLA_FLAGS="$(QUICK) $$XLA_FLAGS" $(BIN)/python -m pytest -n $(WORKERS) $(DIST) $(ARGS)

slow: env-$(EXTRAS)  ## the slower tests: processes, kills, whole runs, further cases
	XLA_FLAGS="$(QUICK) $$XLA_FLAGS" $(BIN)/python -m pytest -n $(WORKERS) $(DIST) -m 'slow and not deep' $(ARGS)

deep: env-$(EXTRAS)  ## what both leave out: more cases, kills and signals
	XLA_FLAGS="$(QUICK) $$XLA_FLAGS" $(BIN)/python -m pytest -n $(WORKERS) $(DIST) -m 'deep and not deepest' $(ARGS)

test-all: env-$(EXTRAS)  ## every property of every case, and ten times deeper sweeps
	JAXCNN_SWEEP=10 $(BIN)/python -m pytest -n $(WORKERS) -m '' $(ARGS)

gates: env-$(EXTRAS)  ## accuracy and speed beside what was recorded (python -m tests.gates.record)
	$(BIN)/python -m pytest -m '' tests/gates $(ARGS)
	JAXCNN_NATIVE=0 $(BIN)/python -m pytest -m '' tests/gates -k speed $(ARGS)

parity: env-test,torch  ## compare the ops with torch itself
	$(BIN)/python -m pytest -n $(WORKERS) $(DIST) -m 'not deep' $(PARITY) $(ARGS)

zoo: env-$(EXTRAS)  ## compare every model of the zoo with what torch computed, and write docs/models.md
	$(BIN)/python -m pytest -n $(WORKERS) $(DIST) -m '' tests/models $(ARGS)
	$(BIN)/python -m tests.models.table

golden-models: env-test,torch,torchvision  ## let torch compute what `make zoo` compares with
	$(BIN)/python -m tests.models.make $(ARGS)

# Its licence is Google's (Google Cloud Platform Terms of Service): no extra of ours installs it.
tpu: env-train  ## compile whole train steps for eight chips of a TPU that is not here
	$(BIN)/python -m pip install --quiet --constraint requirements.lock "jax[tpu]"
	JAX_PLATFORMS=cpu $(BIN)/python -m tests.training.tpu_programs $(ARGS)

tables: env-test,torch  ## write docs/functions.md, docs/ops.md and docs/layers.md anew
	$(BIN)/python -m tests.ops.listing
	$(BIN)/python -m tests.ops.table
	$(BIN)/python -m tests.layers.table

bench: env-test,torch,bench  ## time everything beside other libraries; write docs/benchmarks.md
	$(foreach table,$(TABLES),$(BIN)/python -m benchmarks.$(table) $(ARGS) &&) \
		$(BIN)/python -m benchmarks.page

bench-newest: env-test  ## the same on the newest jax, beside lax and Flax; write benchmarks/newest
	$(foreach table,$(TABLES),$(BIN)/python -m benchmarks.$(table) $(ARGS) &&) true

lint: env-lint  ## style, format and types; a Kubernetes job by its schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/kubernetes-validate --strict --quiet docs/recipes/kubernetes.yaml

format: env-lint  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

smoke: env-$(EXTRAS)  ## a short set of tests without native code, as on a machine without a compiler
	JAXCNN_NATIVE=0 $(BIN)/python -m pytest -n $(WORKERS) $(DIST) -m 'not deep' $(SMOKE) \
		--ignore tests/engine/test_algorithms.py -k "not test_cases and not test_sharded or conv or pool2d" $(ARGS)

lock:  ## write requirements.lock and requirements-py311.lock anew, from fresh environments
	.ci/lock

# Make the environment, or bring it up to date; the stem names the extras.
env-%:
	@.ci/environment $(VENV) '$*' '$(PYTHON)' $(VERSIONS)

clean:  ## remove what the targets made, but no runs
	rm -rf .venv .venv-torch .venv-tpu .venv-lock .pytest_cache .mypy_cache .ruff_cache .hypothesis
