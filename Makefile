# One command each. `make` alone says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
comma := ,
PY := $(VENV)/bin/python
LOCKED := $(VENV)/.locked
DATA ?= $(firstword $(wildcard ../shared/data data) ../shared/data)
PORT ?= 8000
export PORT

.PHONY: help
help:  ## what each command does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(LOCKED): requirements.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11, 3.12 or 3.13 is needed (TensorFlow 2.20 has wheels for these); found: $$(python3 --version 2>&1). Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (about 600 MB, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@# The packages of this checkout, found from everywhere; setuptools is among the locked ones.
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: venv
venv: $(LOCKED)  ## the set-up alone: .venv with the locked dependencies

.PHONY: lock
lock: $(LOCKED)  ## compile the lock files from requirements/*.in
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.txt requirements/all.in
	for part in web serving training; do \
	  $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.txt -o requirements/$$part.txt requirements/$$part.in; \
	done

.PHONY: check
check: $(LOCKED)  ## format, lint, types and import rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/biome check --error-on-warnings
	@# Django's plugin reads the settings, and they want a key; no file of this checkout counts.
	SECRET_KEY=for-types-only ENV_FILES=off $(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache --no-logo

.PHONY: protos
protos: $(LOCKED)  ## generate serving/protos/*_pb2.py from the .proto file there
	$(PY) -m grpc_tools.protoc -I. --python_out=. --pyi_out=. serving/protos/serving_config.proto

.PHONY: run
run: $(LOCKED)  ## the site on http://localhost:8000 (PORT=), embedded model server and SQLite
	@exec $(PY) deploy/run_site.py

.PHONY: admin
admin: $(LOCKED)  ## create a staff user; asks for the password
	@$(PY) deploy/create_admin.py

.PHONY: test
test: check  ## every test this machine can run; says what it skipped and why
ifeq ($(CI),true)
	$(PY) -m tests.stack.stack_test
else
	@echo "Left out here: make stack-test, the whole stack in Docker (about ten minutes)"
endif
	$(PY) -m pytest

.PHONY: test-cassandra
test-cassandra: $(LOCKED)  ## the record store on a real one-node Cassandra (part of `make test`)
	$(PY) -m pytest -m cassandra tests/cassandra

.PHONY: test-ring
test-ring: $(LOCKED)  ## three Cassandra nodes, one killed, all killed: nothing lost (part of `make test`)
	$(PY) -m pytest -m ring tests/cassandra/ring

.PHONY: cassandra
cassandra: $(LOCKED)  ## a Cassandra node on this machine until Ctrl-C, from Maven's jars (Java 17, no Docker)
	@exec $(PY) deploy/cassandra/node.py

var/cqlsh/bin/cqlsh:
	$(PYTHON) -m venv --clear var/cqlsh  # of its own: its driver and ours have the same name
	var/cqlsh/bin/pip install --quiet --disable-pip-version-check cqlsh==6.2.2

.PHONY: cqlsh
cqlsh: var/cqlsh/bin/cqlsh  ## Cassandra's shell (CASSANDRA_HOSTS=, ARGS="-e 'select …'")
	@var/cqlsh/bin/cqlsh $(ARGS) $(or $(firstword $(subst $(comma), ,$(CASSANDRA_HOSTS))),127.0.0.1) $(or $(CASSANDRA_PORT),9042)

.PHONY: docker-build
docker-build:  ## build the images of the stack, the embedded server's and the trainer's too
	docker-compose -f docker-compose.yml -f docker-compose.embedded.yml --profile trainer build

.PHONY: stack-test
stack-test: $(LOCKED)  ## the whole stack in Docker: built, used in a browser, broken, taken down
	$(PY) -m tests.stack.stack_test

.PHONY: train-baseline train-seed
train-baseline: $(LOCKED)  ## train version 1, the baseline CNN, on MNIST (52 CPU seconds): training/artifacts/model_mnist.*
	$(PY) -m training.baseline $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

train-seed: train-baseline

.PHONY: train
train: $(LOCKED)  ## train version 2 (31 CPU minutes): training/artifacts/model_digits.* (ARGS="--resume")
	$(PY) -m training.train $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: train-quick
train-quick: $(LOCKED)  ## MNIST at 99.33 % in a quarter of the baseline's CPU seconds; keeps no model
	$(PY) -m training.train --config quick --threads 1 $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: export
export: $(LOCKED)  ## SavedModel number VERSION= (default 2) from training/artifacts; refuses a number that exists
	$(PY) export_savedmodel.py --version $(or $(VERSION),2) $(ARGS)

.PHONY: evaluate
evaluate: $(LOCKED)  ## accuracy, calibration and refusals of every shipped version: var/evaluation (ARGS="--quick")
	$(PY) -m training.evaluate --data $(DATA) $(ARGS)

.PHONY: bench
bench: bench-serving  ## every measurement; each says what it compares with

.PHONY: bench-serving
bench-serving: $(LOCKED)  ## requests a second of the model server, beside TensorFlow alone
	$(PY) benchmarks/model_server.py
