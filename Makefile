# Everything a newcomer needs: make run, make test. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: help run test check bench fuzz console models lock clean browser

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.ready src/bowstreet/console/static/index.html models ## the Islington pilot, live; ARGS="--help" for more
	@$(BIN)/bowstreet up --demo $(ARGS)

test: $(VENV)/.ready src/bowstreet/console/static/index.html models browser check ## all tests, the real browser included
	@$(BIN)/python tools/build_console.py --test
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not live" $(ARGS)
	@$(BIN)/python -m pytest -q -m live $(ARGS)

check: $(VENV)/.ready ## format, lint, types, import contracts, and that every test can be read
	@$(BIN)/ruff format --check src tests benchmarks tools
	@$(BIN)/ruff check src tests benchmarks tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest --collect-only -qq > /dev/null || $(BIN)/python -m pytest --collect-only -q

bench: $(VENV)/.ready ## benchmarks beside their baselines; ARGS="dispatch ledger" for some
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.ready ## a minute of coverage-guided fuzzing for each parser (Linux)
	@$(BIN)/python -m tests.fuzz $(ARGS)

models: $(VENV)/.ready ## fetch the models that ship, by hash
	@$(BIN)/python tools/fetch_models.py

console: $(VENV)/.ready ## build the web console
	@$(BIN)/python tools/build_console.py

lock: $(VENV)/.ready ## resolve pyproject.toml again into requirements.lock
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra fuzz --extra pkcs11 --universal --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --python-version 3.11 --output-file requirements.lock

clean: ## remove what make made
	rm -rf $(VENV) console/node_modules src/bowstreet/console/static src/bowstreet/tracking/weights src/bowstreet/recognition/weights .mypy_cache .ruff_cache .pytest_cache .hypothesis

browser: $(VENV)/.ready
	@$(BIN)/python tools/find_browser.py

src/bowstreet/console/static/index.html: $(VENV)/.ready $(CONSOLE_SOURCES) tools/build_console.py
	@$(BIN)/python tools/build_console.py

$(VENV)/.ready: requirements.lock pyproject.toml tests/oracles.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Bowstreet needs Python 3.11 or later, this is {v.major}.{v.minor}: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv $(VENV) || { echo "make: the venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing from requirements.lock (once, about a minute)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --ignore-requires-python -r tests/oracles.txt
	@touch $@
