# `make` lists the targets. All of them create .venv and install into it first, if need be.

PYTHON ?= python3

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help demo test check evidence bench format clean FORCE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt
# One worker a core; a large machine is not flooded with copies of torch.
WORKERS := -n auto --maxprocesses 8
SCRIPTS = $(wildcard examples/*.py benchmarks/*.py)
DOCUMENTS = $(wildcard README.md CONTRIBUTING.md docs)

help:
	@echo "make demo      train a GAN on handwritten digits"
	@echo "make test      run the tests"
	@echo "make check     style, types, layers, and the examples in the documents"
	@echo "make evidence  run the long tests"
	@echo "make bench     run the benchmarks"
	@echo "make format    put the code into its format"
	@echo "make clean     remove .venv, caches and builds; runs/ stays"
	@echo "Another Python: make test PYTHON=/path/to/python3.12"

demo: $(VENV)/core.stamp
	$(BIN)/gannets train digits

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(WORKERS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# strict, as pyproject.toml has it: the flag --strict would override its exception
	$(BIN)/mypy gannets $(SCRIPTS)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(DOCUMENTS)

evidence: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(WORKERS) -m slow

# One at a time: they measure.
bench: $(VENV)/dev.stamp
	@set -e; for script in $(wildcard benchmarks/[!_]*.py); do \
		echo "== $$script"; $(BIN)/python $$script; done
	@$(BIN)/python -m pytest -m benchmark || [ $$? -eq 5 ]

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment
#
# A stamp says that an installation was finished, for this pyproject.toml and these constraints. It
# is not believed where .venv was moved or copied here, or lost its Python, torch or gannets.

SOUND := import importlib.util as u, sys; \
	sys.exit(sys.version_info < (3, 11) or not all(map(u.find_spec, ("torch", "gannets"))))
HERE := grep -qF "$(CURDIR)/$(BIN)/python"
STALE := $(shell $(HERE) $(BIN)/gannets 2>/dev/null && $(BIN)/python -c '$(SOUND)' 2>/dev/null \
	|| echo FORCE)

RECENT := import sys; sys.exit(sys.version_info < (3, 11))

$(VENV)/core.stamp: pyproject.toml constraints.txt $(STALE)
	@rm -f $(VENV)/*.stamp
	@{ $(HERE) $(BIN)/pip && $(BIN)/python -c '$(RECENT)' && $(PIP) --version; } >/dev/null 2>&1 || { \
		wants() { echo "gannets needs Python 3.11 or newer, and \`$(PYTHON)\` is $$1." \
			"Name another one: make PYTHON=/path/to/python3.12" >&2; exit 1; }; \
		command -v $(firstword $(PYTHON)) >/dev/null || wants "not to be found"; \
		$(PYTHON) -c '$(RECENT)' 2>/dev/null || wants "$$($(PYTHON) --version 2>&1)"; \
		echo "creating $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing gannets (the first time this takes minutes)"
	@# torch first and by itself, so that nothing else chooses its version; the build tools too,
	@# so that they are of a known version.
	$(INSTALL) torch==2.13.0 hatchling editables
	$(INSTALL) --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(INSTALL) --quiet --no-build-isolation --editable '.[dev]'
	@touch $@
