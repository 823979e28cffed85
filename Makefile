# Two commands for a newcomer: `make search` (the main job) and `make test`.
# Both set up the virtual environment themselves; only Python >= 3.11 and make are needed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
RUN    ?= runs/search
PIP    := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt

# One thread a process: the tests run in parallel processes instead.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1

.DEFAULT_GOAL := help
.PHONY: help setup search test coverage check format clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|' 2>/dev/null \
	  || grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv and install the pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "nas-rlm needs Python 3.11 or newer, but $(PYTHON) is %d.%d; choose another: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Setting up $(VENV) (once; a few minutes, mostly the download of PyTorch)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "  1/2 $$(grep '^torch==' constraints.txt)"
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@echo "  2/2 nas-rlm and its other dependencies"
	@$(PIP) -e '.[bench,dev]'
	@touch $@

search: $(STAMP) ## run the main job into RUN (default runs/search), or go on with it
	@$(BIN)/nas-rlm search --run-folder "$(RUN)" $$(test -f "$(RUN)/run.json" && echo --resume)

test: $(STAMP) ## run every test but the slow ones
	@$(TEST_ENV) $(BIN)/python -m pytest -q -n auto $(ARGS)

coverage: $(STAMP) ## the same with coverage
	@$(TEST_ENV) $(BIN)/python -m pytest -q -n auto --cov --cov-report=term-missing:skip-covered $(ARGS)

check: $(STAMP) ## ruff, formatting, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## format the code and apply safe fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove the environment and every cache; run folders stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
