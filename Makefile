# Two commands, each complete on a fresh machine with Linux or macOS and Python 3.10 or newer:
#   make demo    train on built-in cartoon characters, render held-out ones, print a table and a picture's path
#   make test    check the style and run the tests
# `make help` lists the others.
PYTHON ?= python3
PYTHON311 ?= python3.11
VENV ?= .venv
BLENDER_VENV ?= .venv-blender
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest -n 2 --dist worksteal
SHELL := /bin/bash
comma := ,
# The tests start hundreds of programs; without bytecode each of them would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:

# tests that compute, for the kinds of processors and libraries that VARIANTS stand for
COMPUTING := tests/metrics tests/nn tests/methods tests/inference tests/training tests/evaluation tests/data/toon
# and of these not what computes elsewhere, in ONNX Runtime, or mostly starts programs
COMPUTING += $(addprefix --ignore ,tests/inference/onnx tests/inference/test_hub.py tests/data/toon/test_write.py \
    tests/methods/coord_inpainting/test_notebook.py)
VARIANTS := ATEN_CPU_CAPABILITY=default ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 \
    ONEDNN_MAX_CPU_ISA=AVX512_CORE OMP_NUM_THREADS=1

.PHONY: help demo benchmark-data table performance test test-all test-fast test-portable check style types coverage setup dev \
    blender docs wheel clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## install what rendering, training and evaluating need
dev: $(VENV)/.ready-dev  ## install what the tests need as well

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "error: $(PYTHON) is too old; Python 3.10 or newer is needed: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt | $(VENV)/bin/pip
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(RUN) tools/install.py -r requirements.txt
	@touch $@

# both files in one call, which is faster than one after the other
$(VENV)/.ready-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/pip
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(RUN) tools/install.py -r requirements.txt -r requirements-dev.txt
	@touch $(VENV)/.ready $@

blender: $(BLENDER_VENV)/.ready  ## install Blender for `prepare.py mixamo`, with Python 3.11: PYTHON311=PATH

$(BLENDER_VENV)/.ready: requirements-mixamo.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo "error: Blender's module needs Python 3.11 and $(PYTHON311) isn't it: make blender PYTHON311=PATH"; exit 2; }
	@echo "installing Blender into $(BLENDER_VENV) (some 350 MB)"
	@$(PYTHON311) -m venv $(BLENDER_VENV)
	@$(BLENDER_VENV)/bin/python tools/install.py -r requirements-mixamo.txt
	@$(BLENDER_VENV)/bin/python -c 'import bpy; print("Blender", bpy.app.version_string)'
	@touch $@

demo: setup  ## train on built-in characters, render held-out ones, print a table and a picture's path
	$(RUN) prepare.py toon data/toon_parts --size 64 --characters 192 --clips 6 --frames 6 \
	    --views front --test_characters 12 --test_clips 0 --uv
	$(RUN) train.py configs/small_parts.yaml --stage layout --result_title demo_layout --num_epochs 4 --decay_epochs 2 \
	    --samples_per_epoch 1250 --max_minutes 5
	$(RUN) train.py configs/small_parts.yaml --start_from result/demo_layout --result_title demo
	$(RUN) -m tools.demo result/demo data/toon_parts

benchmark-data: setup  ## write CaPTURe-Bench, its test pairs and an archive, and check their digest
	$(RUN) prepare.py benchmark data/CaPTURe-Bench --archive data/CaPTURe-Bench-2.zip

table: setup  ## train every row of the paper's table and print it: DATA=Mixamo_dataset/rendered [DRY=1 SAMPLES= SIZE= SEEDS=]
	@test -n "$(DATA)" || { echo "error: give a dataset: make table DATA=Mixamo_dataset/rendered"; exit 2; }
	$(if $(MODELS),$(RUN) prepare.py mixamo $(MODELS) $(DATA) --size $(or $(SIZE),256) --azimuths=0$(comma)45$(comma)-45 --uv)
	$(RUN) -m tools.table $(DATA) $(if $(DRY),--dry) $(if $(SAMPLES),--samples $(SAMPLES)) $(if $(SIZE),--size $(SIZE)) \
	    $(if $(SEEDS),--seeds $(SEEDS)) $(if $(ROWS),--rows $(ROWS)) $(if $(OUT),--out $(OUT)) \
	    $(if $(PERCEPTUAL),--perceptual $(PERCEPTUAL)) $(if $(PROCESSES),--processes $(PROCESSES))

performance: dev  ## measure this machine in ten minutes and write its table into docs/PERFORMANCE.md
	$(RUN) benchmark.py --budget 600 --out result/performance.json --table docs/PERFORMANCE.md

check: style types  ## check the format, the style, the import rules and the types

style: dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(VENV)/bin/lint-imports --no-logo

types: dev
	$(RUN) -m mypy

test: style  ## check, and run the tests; the types are checked by one of them
	$(PYTEST) -m "not exhaustive"

test-all: style  ## check, and run the tests with every combination of what `make test` combines once
	$(PYTEST)

test-fast: style  ## the tests to run before a commit: no compiler, no programs, no long training
	$(PYTEST) -m "not compiler and not slow and not exhaustive"

test-portable: dev  ## the tests that compute, as on other kinds of processors
	@failed=; for variant in $(VARIANTS); do \
	    echo "== $$variant"; \
	    env $$variant $(PYTEST) -m "not compiler and not exhaustive" $(COMPUTING) || failed="$$failed $$variant"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed with:$$failed"; exit 1; else echo "passed with every one of: $(VARIANTS)"; fi

coverage: dev  ## run every test and list the lines that none reaches; fails below 90 %
	$(RUN) -m coverage run -m pytest
	$(RUN) -m coverage report --fail-under=90

docs: dev  ## build the site of the pages and the docstrings in out/site
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet
	@echo "out/site/index.html"

wheel: dev  ## build the package, with the weights in the box, in out/dist
	$(RUN) -m build --outdir out/dist .

clean:  ## remove the environment and what the demo made
	rm -rf $(VENV) data/toon_parts result/demo result/demo_layout
