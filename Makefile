# Two commands, each complete on a fresh Linux machine with Python 3.10 or newer:
#   make demo    train on built-in cartoon characters, render held-out ones, print a table and a picture's path
#   make test    check the style and run every test
#   make coverage  run every test and list the lines that none reaches; fails below 90 %
# and, for `prepare.py mixamo` alone, which needs Python 3.11 beside whatever the rest runs on:
#   make blender PYTHON311=python3.11
PYTHON ?= python3
PYTHON311 ?= python3.11
VENV ?= .venv
BLENDER_VENV ?= .venv-blender
RUN := $(VENV)/bin/python
SHELL := /bin/bash
.DELETE_ON_ERROR:

.PHONY: demo test coverage setup blender clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "error: $(PYTHON) is too old; Python 3.10 or newer is needed: make PYTHON=python3.12"; exit 2; }
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

blender: $(BLENDER_VENV)/.ready

$(BLENDER_VENV)/.ready: requirements-mixamo.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo "error: Blender's module needs Python 3.11 and $(PYTHON311) isn't it: make blender PYTHON311=PATH"; exit 2; }
	@echo "installing Blender into $(BLENDER_VENV) (some 350 MB)"
	@$(PYTHON311) -m venv $(BLENDER_VENV)
	@$(BLENDER_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-mixamo.txt
	@$(BLENDER_VENV)/bin/python -c 'import bpy; print("Blender", bpy.app.version_string)'
	@touch $@

demo: setup
	$(RUN) prepare.py toon data/toon_demo --size 64 --characters 192 --clips 6 --frames 6 \
	    --views front --test_characters 12 --test_clips 0
	$(RUN) train.py configs/demo.yaml
	$(RUN) -m tools.demo result/demo data/toon_demo

test: setup
	$(RUN) -m ruff check .
	$(RUN) -m pytest -n 2 --dist loadfile

coverage: setup
	$(RUN) -m coverage run -m pytest
	$(RUN) -m coverage report --fail-under=90

clean:
	rm -rf $(VENV) data/toon_demo result/demo
