# Two commands, each complete on a fresh Linux machine with Python 3.10 or newer:
#   make demo    train on built-in cartoon characters, render held-out ones, print a table and a picture's path
#   make test    check the style and run every test
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
SHELL := /bin/bash
.DELETE_ON_ERROR:

.PHONY: demo test setup clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "error: $(PYTHON) is too old; Python 3.10 or newer is needed: make PYTHON=python3.12"; exit 2; }
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

demo: setup
	$(RUN) prepare.py toon data/toon_demo --size 64 --characters 192 --clips 6 --frames 6 \
	    --views front --test_characters 12 --test_clips 0
	$(RUN) train.py configs/demo.yaml
	$(RUN) -m capture.demo result/demo data/toon_demo

test: setup
	$(RUN) -m ruff check .
	$(RUN) -m pytest

clean:
	rm -rf $(VENV) data/toon_demo result/demo
