# One command each; `make` alone lists them.
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
help:  ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(LOCKED): requirements.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11, 3.12 or 3.13 is needed (TensorFlow 2.20 has wheels for these); found: $$(python3 --version 2>&1). Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV), once: 940 MB to download, 3 GB on the disk; two minutes, or as long as the download takes"
	@$(PYTHON) -m venv --clear $(VENV)
	@set -o pipefail; $(PY) -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements.txt \
	  | awk -v total=$$(grep -c '^[a-z].*==' requirements.txt) -f deploy/setup_progress.awk
	@echo "  $(VENV) is ready"
	@# The packages of this checkout, found from everywhere; setuptools is among the locked ones.
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: venv
venv: $(LOCKED)  ## set up .venv with the locked dependencies, and nothing else

.PHONY: lock
lock: $(LOCKED)  ## compile the lock files from requirements/*.in
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.txt requirements/all.in
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/fuzz.txt requirements/fuzz.in
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/bench.txt requirements/bench.in
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/spark.txt requirements/spark.in
	for part in web serving training tracing limits; do \
	  $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.txt -o requirements/$$part.txt requirements/$$part.in; \
	done

.PHONY: check
check: $(LOCKED)  ## check format, lint, types and import rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/biome check --error-on-warnings
	@# Django's plugin reads the settings, and they want a key; no file of this checkout counts.
	SECRET_KEY=for-types-only ENV_FILES=off $(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache --no-logo

.PHONY: recording
recording: $(LOCKED)  ## record docs/recording.webp with Chromium: from a drawing to its record in the admin
	@SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))') ENV_FILES=off $(PY) -m tests.browser.recording

.PHONY: protos
protos: $(LOCKED)  ## generate serving/protos/*_pb2.py from the .proto files there
	$(PY) -m grpc_tools.protoc -I. --python_out=. --pyi_out=. serving/protos/*.proto

.PHONY: messages
messages: $(LOCKED)  ## collect the texts of the pages into webui/locale, and compile the translations
	SECRET_KEY=for-messages-only ENV_FILES=off DJANGO_SETTINGS_MODULE=webui.settings $(PY) deploy/messages.py

# Tools that read the lock files; in environments of their own, which uv keeps.
TOOL := $(VENV)/bin/uv tool run --quiet

.PHONY: sbom
sbom: $(LOCKED)  ## list every installed package with its licence: var/sbom.cdx.json (CycloneDX)
	@mkdir -p var
	$(TOOL) --from 'cyclonedx-bom==7.*' cyclonedx-py environment $(PY) --pyproject pyproject.toml --output-reproducible --of JSON -o var/sbom.cdx.json

.PHONY: audit
audit: $(LOCKED)  ## check the locked packages for known vulnerabilities
	$(TOOL) --from 'pip-audit==2.*' pip-audit --require-hashes --disable-pip --requirement requirements.txt

.PHONY: run
run: $(LOCKED)  ## start the site on http://localhost:8000 (PORT=; LAN=on for a class), with the embedded model server and SQLite
	@exec $(PY) deploy/run_site.py

.PHONY: admin
admin: $(LOCKED)  ## create a staff user; asks for a password
	@$(PY) deploy/create_admin.py

.PHONY: models
models: $(LOCKED)  ## list, publish, promote, roll back model versions (ARGS="publish PATH"; default: list)
	@$(PY) manage.py models $(or $(ARGS),list)

.PHONY: test
test: check  ## check, then run every test this machine can run; names what it skipped and why
ifeq ($(CI),true)
	$(PY) -m tests.stack.stack_test
	$(PY) -m pytest --cov
else
	@echo "Not included here: make stack-test, the whole stack in Docker (about ten minutes)"
	$(PY) -m pytest
endif

.PHONY: screenshots
screenshots: $(LOCKED)  ## take a picture of every state of the pages, into var/screenshots (Chromium)
	@mkdir -p var/screenshots
	SCREENSHOTS=$(CURDIR)/var/screenshots $(PY) -m pytest -q tests/browser/test_states.py tests/browser/test_collect.py
	$(PY) -m tests.browser.contact_sheets var/screenshots

FUZZ_SECONDS ?= 60

var/fuzz/packages: requirements/fuzz.txt $(LOCKED)
	rm -rf $@
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --target $@ -r requirements/fuzz.txt

.PHONY: fuzz
fuzz: var/fuzz/packages  ## fuzz preprocessing and the JSON dialect, guided by coverage (FUZZ_SECONDS= of each)
	for part in preprocessing json; do \
	  PYTHONPATH=var/fuzz/packages TF_CPP_MIN_LOG_LEVEL=3 $(PY) -m tests.attacks.coverage_guided $$part -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

.PHONY: test-cassandra
test-cassandra: $(LOCKED)  ## test the Cassandra store on a real node (part of `make test`)
	$(PY) -m pytest -m cassandra tests/cassandra

.PHONY: test-ring
test-ring: $(LOCKED)  ## kill one and all of three Cassandra nodes, and check that nothing is lost (part of `make test`)
	$(PY) -m pytest -m ring tests/cassandra/ring

.PHONY: cassandra
cassandra: $(LOCKED)  ## run a Cassandra node until Ctrl-C (Java 17 and Maven, no Docker)
	@exec $(PY) deploy/cassandra/node.py

var/cqlsh/bin/cqlsh:
	$(PYTHON) -m venv --clear var/cqlsh  # an environment of its own: its driver and ours have the same package name
	var/cqlsh/bin/pip install --quiet --disable-pip-version-check cqlsh==6.2.2

.PHONY: cqlsh
cqlsh: var/cqlsh/bin/cqlsh  ## open Cassandra's shell (CASSANDRA_HOSTS=, ARGS="-e 'select …'")
	@var/cqlsh/bin/cqlsh $(ARGS) $(or $(firstword $(subst $(comma), ,$(CASSANDRA_HOSTS))),127.0.0.1) $(or $(CASSANDRA_PORT),9042)

.PHONY: docker-build
docker-build:  ## build all images: site, embedded model server, trainer
	docker-compose -f docker-compose.yml -f docker-compose.embedded.yml --profile trainer build

.PHONY: pin-images
pin-images:  ## write the digests of the images that the stack starts from into .env
	@set -e; for pair in $$(sed -nE 's/.*\$$\{([A-Z_]+_IMAGE):-([^}]+)\}.*/\1=\2/p' docker-compose*.yml | grep -v =drawn-digits | sort -u); do \
	  name=$${pair%%=*}; image=$${pair#*=}; docker pull -q "$$image" >/dev/null; \
	  digest=$$(docker image inspect --format '{{index .RepoDigests 0}}' "$$image"); \
	  touch .env; sed -i.old "/^$$name=/d" .env; rm -f .env.old; \
	  echo "$$name=$$digest" | tee -a .env; \
	done

.PHONY: stack-test
stack-test: $(LOCKED)  ## test the whole stack in Docker, from build to removal (about ten minutes)
	$(PY) -m tests.stack.stack_test

.PHONY: train-baseline train-seed
train-baseline: $(LOCKED)  ## train version 1, the baseline CNN, on MNIST (52 CPU seconds)
	$(PY) -m training.baseline $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

train-seed: train-baseline

.PHONY: train
train: $(LOCKED)  ## train the bundled network (20 CPU minutes; ARGS="--resume" continues)
	$(PY) -m training.train $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: train-quick
train-quick: $(LOCKED)  ## train a small network on MNIST (10 CPU seconds, 99.38 %); keeps no model
	$(PY) -m training.train --config quick --threads 1 $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: retrain
retrain: $(LOCKED)  ## fine-tune the stable version on a snapshot (SNAPSHOT=DIR; ARGS=--anew trains from the beginning)
	@[ -n "$(SNAPSHOT)" ] || { echo "Name a snapshot: make retrain SNAPSHOT=DIR (python manage.py snapshot_dataset --output DIR writes one)" >&2; exit 1; }
	$(PY) -m training.retrain --snapshot $(SNAPSHOT) $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: loop-demo
loop-demo: $(LOCKED)  ## show the loop from drawings to a better version: people draw, review, snapshot, retrain, gate, canary
	@$(PY) -m benchmarks.loop_demo $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

.PHONY: validate-sources
validate-sources: $(LOCKED)  ## read people of sources left out of the training, three seeds (resumable)
	$(PY) -m training.validate_sources --data $(DATA) $(ARGS)

.PHONY: export
export: $(LOCKED)  ## export training/artifacts as SavedModel VERSION= (default 4); refuses a number that exists
	$(PY) export_savedmodel.py --version $(or $(VERSION),4) $(ARGS)

.PHONY: evaluate
evaluate: $(LOCKED)  ## evaluate every bundled version into var/evaluation (ARGS="--quick" for a part of the data)
	$(PY) -m training.evaluate --data $(DATA) $(ARGS)

.PHONY: gate
gate: $(LOCKED)  ## compare a version with the stable one on frozen tests (CHALLENGER=PATH; CHAMPION=, SNAPSHOT=)
	@[ -n "$(CHALLENGER)" ] || { echo "Name the SavedModel directory of an export: make gate CHALLENGER=DIR" >&2; exit 1; }
	$(PY) -m training.gate --challenger $(CHALLENGER) $(if $(CHAMPION),--champion $(CHAMPION)) $(if $(SNAPSHOT),--snapshot $(SNAPSHOT)) $(if $(wildcard $(DATA)),--data $(DATA)) $(ARGS)

var/bench/packages: requirements/bench.txt $(LOCKED)
	rm -rf $@
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --target $@ -r requirements/bench.txt

.PHONY: bench
bench: var/bench/packages  ## compare the site's speed with its peers and with what its parts need (ten minutes; wrk, Java 17, Maven; ARGS="--only site")
	$(PY) -m benchmarks.bench $(ARGS)

.PHONY: rescore-spark
rescore-spark: $(LOCKED)  ## compare a version with all of the history in Cassandra, on Spark (MODEL_VERSION=3 OUTPUT=DIR; Java 17, Maven)
	@[ -n "$(MODEL_VERSION)" ] && [ -n "$(OUTPUT)" ] || { echo "Name a version and a folder: make rescore-spark MODEL_VERSION=3 OUTPUT=DIR" >&2; exit 1; }
	$(PY) -m analytics.install
	PYTHONPATH=$$($(PY) -c 'from analytics.install import packages; print(packages())') $(PY) -m analytics.rescore --model-version $(MODEL_VERSION) --output $(OUTPUT) $(ARGS)

.PHONY: bench-serving
bench-serving: $(LOCKED)  ## measure the model server's requests per second against TensorFlow alone
	$(PY) benchmarks/model_server.py
