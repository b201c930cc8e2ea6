# Observatoire des quartiers prioritaires.  'make help' lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

QUARTER ?=
TERRITORY ?= contracts
THEME ?=
RAW ?=
SOURCES ?=
JOBS ?=

OPTIONS = --territory "$(TERRITORY)" $(if $(QUARTER),--quarter "$(QUARTER)") $(if $(THEME),--theme "$(THEME)") \
	$(if $(RAW),--raw "$(RAW)") $(if $(JOBS),--jobs "$(JOBS)")

# TERRITORY's default is for making; printing takes every brief of the quarter unless one is asked for.
PRINTED = $(if $(filter-out default file,$(origin TERRITORY)),--territory "$(TERRITORY)") $(if $(QUARTER),--quarter "$(QUARTER)") \
	$(if $(THEME),--theme "$(THEME)")

# The stamp says that the environment matches the lock: the second call starts at once.
STAMP := $(VENV)/.installed

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: briefs pdf test data fetch lab docs bench check dist sbom audit lowest highest clean help setup

briefs: $(STAMP)  ## make the briefs: QUARTER= TERRITORY= THEME= RAW= JOBS=
	@$(BIN)/qpv briefs $(OPTIONS)

pdf: $(STAMP)  ## the same pages as PDF, beside the briefs: QUARTER= TERRITORY= THEME= (needs Chromium)
	@$(BIN)/qpv pdf $(PRINTED)

test: $(STAMP)  ## run the whole test suite
	$(BIN)/python -m pytest -n auto $(ARGS)

data: $(STAMP)  ## build the warehouse: RAW=
	@$(BIN)/qpv data build $(if $(RAW),--raw "$(RAW)")

fetch: $(STAMP)  ## download official files into data/raw: SOURCES=
	@$(BIN)/qpv data fetch $(SOURCES)

# Its root is the project, so that it can show what is written to outputs/; .jupyter keeps it from asking a host for news.
lab: data  ## open the notebooks in JupyterLab, explore.ipynb first: ARGS=--no-browser
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/explore.ipynb $(ARGS)

docs: $(STAMP)  ## build the documentation site in outputs/docs (pictures when Chromium is there)
	@$(BIN)/python docs/screenshots.py docs/pictures
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --builder html docs outputs/docs
	@echo "$(CURDIR)/outputs/docs/index.html"

bench: $(STAMP)  ## measure the build, profiles and briefs; result in outputs/bench.json
	$(BIN)/python tests/bench.py

check: $(STAMP)  ## linters and types: ruff (notebooks too), mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dist: $(STAMP)  ## build wheel and sdist into outputs/dist
	$(BIN)/python -m hatchling build -d outputs/dist

sbom: $(STAMP)  ## bill of materials of the environment (CycloneDX), into outputs/sbom.json
	@$(BIN)/python .ci/sbom.py outputs/sbom.json

audit:  ## look up the pinned versions among known vulnerabilities (needs the network)
	@$(PYTHON) .ci/audit.py

lowest highest:  ## core tests with the oldest, or newest, versions that are allowed (needs uv)
	.ci/ranges $(if $(filter lowest,$@),lowest-direct,highest)

setup: $(STAMP)  ## only set up the environment

clean:  ## remove outputs, the warehouse and the environment; raw files stay
	rm -rf $(VENV) data/warehouse outputs/2* outputs/docs docs/pictures .pytest_cache .mypy_cache .ruff_cache

help:  ## list targets and variables
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  QUARTER=2026-T3       only data published by its end (default: the last complete quarter)"
	@echo "  TERRITORY=contracts   QPV code or name, EPCI (SIREN), département, all (default: the QPV of the embedded contracts)"
	@echo "  THEME=revenue,health  themes, portrait, agglomeration, evaluation, programme, yearly (default: all); demography on demand"
	@echo "  RAW=folder[:folder]   official files (default: data/raw, and ../shared/official if it exists)"
	@echo "  SOURCES=insee_comparateur   sources to fetch (default: all that the catalogue can); facilities: places of contracts"
	@echo "  JOBS=2                parallel processes (default: the number of cores)"
