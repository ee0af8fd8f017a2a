# Everything here sets up what it needs first; only Python (3.11 or newer), Node (20 or newer) and make
# have to be there.

PYTHON ?= python3
VENV ?= .venv
STAMPS := .setup
PY := $(VENV)/bin/python
BIN := $(abspath $(VENV)/bin)
UV := $(VENV)/bin/uv

FRONTEND_SOURCES := $(shell find labextension/src labextension/style labextension/scripts -type f 2>/dev/null) \
	labextension/package.json labextension/tsconfig.json
# Jupyter does not start as root, as in a container, unless it is told to.
AS_ROOT = $$([ "$$(id -u)" -ne 0 ] || echo --allow-root)
CHROMIUM = $$($(PY) scripts/chromium.py)

# A company's own certificate authority is known to the system, not to uv.
export UV_SYSTEM_CERTS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup frontend demo lab test test-python test-frontend test-ui conformance bench lint format docs clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet uv
	$(UV) pip install --quiet --python $(PY) --compile-bytecode 'jupyter-builder>=1.2,<2'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node-modules: labextension/package-lock.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' \
		|| { echo 'Node 20 or newer is needed'; exit 1; }
	@command -v npm >/dev/null || { echo 'npm is needed; it comes with Node, or as the package npm'; exit 1; }
	cd labextension && npm ci --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/frontend: $(STAMPS)/venv $(STAMPS)/node-modules $(FRONTEND_SOURCES)
	cd labextension && PATH="$(BIN):$$PATH" npm run --silent build:prod
	@touch $@

# The front end is there; building it again would also touch package-lock.json, and so never come to rest.
$(STAMPS)/python: $(STAMPS)/frontend pyproject.toml
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(UV) pip install --quiet --python $(PY) --compile-bytecode \
		--reinstall-package flowdrop-jupyter --editable '.[dev]'
	@touch $@

setup: $(STAMPS)/python ## Make the environment and build the front end

frontend: $(STAMPS)/frontend ## Build the JupyterLab extension and the widget

demo: setup ## Hold a whole conversation with a real server, restarts included, and show it
	$(PY) scripts/demo.py

lab: setup ## Open JupyterLab on the tutorial
	cd notebooks && $(BIN)/jupyter lab $(AS_ROOT) --FlowDropApp.data_dir=../.flowdrop 01-first-conversation.ipynb

test: test-frontend test-python test-ui ## Run every test

test-frontend: $(STAMPS)/frontend
	cd labextension && npm run --silent test

test-python: setup
	$(PY) -m pytest tests --ignore=tests/ui

test-ui: setup
	@$(PY) scripts/chromium.py --install
	FLOWDROP_CHROMIUM="$(CHROMIUM)" $(PY) -m pytest tests/ui

conformance: setup ## Test the specification's rules and write docs/conformance.md
	$(PY) scripts/conformance.py

bench: setup ## Measure the store and the validator and write docs/benchmarks.md
	$(PY) -m tests.bench --write docs/benchmarks.md

lint: setup ## Check style, types and the layering of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PY) scripts/error_codes.py --check || { echo 'docs/error-codes.md is stale: make docs'; exit 1; }
	$(PY) scripts/node_pages.py --check || { echo 'docs/nodes is stale: make docs'; exit 1; }
	cd labextension && npm run --silent lint && npm run --silent typecheck

format: setup ## Put everything into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd labextension && npm run --silent lint:fix

docs: setup ## Write the generated pages, and refresh the example workflows
	$(PY) scripts/error_codes.py
	$(PY) scripts/node_pages.py
	$(PY) scripts/refresh_examples.py

clean: ## Remove what was built, and the environment
	rm -rf $(STAMPS) $(VENV) labextension/node_modules labextension/lib flowdrop_jupyter/labextension \
		flowdrop_jupyter/notebook/static demo-output test-output dist
