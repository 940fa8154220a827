# Needs Git, make, ssh-keygen and Python 3.11 or later. `make demo` runs the demo, `make test` runs all checks.
PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
# The versions of Debian 11, Ubuntu 22.04 and Debian 12; the newest one is in the development environment.
OLDER_GITPYTHON := $(foreach version,3.1.14 3.1.24 3.1.30,.venv/gitpython-$(version)/.done)

export LC_ALL := C.UTF-8

.PHONY: help demo test test-changed lint unit integration sanity docs-lint docs molecule cluster faults bench cluster-bench clients browser rulebook release matrix coverage clean

help: ## list the targets
	@sed -n '/^[a-z-]*:.*## /{s/^\([a-z-]*\):.*## /  make \1\t/; s/: make /\n\tmake /; p}' Makefile | expand -t 22

bench: $(DEV)/.done ## compare with the old scripts and with Git alone: make bench [ROW="race"] [QUICK=1]
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" $(DEV)/bin/python tests/benchmark/run.py $(if $(ROW),--row "$(ROW)") $(if $(QUICK),--quick)

cluster-bench: $(DEV)/.done ## measure installations and delays on hosts (needs root)
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" $(DEV)/bin/python tests/cluster/measure.py

CLIENTS := $(HOME)/.cache/acs-builders/clients
clients: $(DEV)/.done ## test hooks and tools in the clients (needs root and npm): make clients [ARGS="-k codex"]
	mkdir -p $(CLIENTS)
	npm install --prefix $(CLIENTS) --no-audit --no-fund @anthropic-ai/claude-code @openai/codex @github/copilot
	node $(CLIENTS)/node_modules/@anthropic-ai/claude-code/install.cjs
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" $(DEV)/bin/python -m pytest --verbose tests/clients $(ARGS)

BROWSER := $(HOME)/.cache/acs-builders/browser
browser: $(DEV)/.done ## test the page in a browser (needs chromium and npm): make browser [ARGS="-k phone"]
	mkdir -p $(BROWSER)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(BROWSER)/python playwright
	npm install --prefix $(BROWSER) --no-audit --no-fund axe-core
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" PYTHONPATH="$(BROWSER)/python" $(DEV)/bin/python -m pytest --verbose tests/browser $(ARGS)

RULEBOOK := $(HOME)/.cache/acs-builders/rulebook
rulebook: $(DEV)/.done ## test the event source in ansible-rulebook (needs Java 17)
	$(PYTHON) -m venv $(RULEBOOK)
	$(RULEBOOK)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/rulebook/requirements.txt
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" $(DEV)/bin/python -m pytest --verbose tests/rulebook $(ARGS)

demo: $(RUN)/.done ## run the demo with two servers on this machine
	PATH="$(CURDIR)/$(RUN)/bin:$$PATH" tools/demo

test: $(DEV)/.done $(OLDER_GITPYTHON) ## run all checks in parallel
	$(DEV)/bin/python tools/test

test-changed: $(DEV)/.done ## run the tests that a change affects: make test-changed [SINCE=main]
	$(DEV)/bin/python tools/test-changed $(SINCE)

lint: $(DEV)/.done ## check style and types
unit: $(DEV)/.done ## run the tests that start no process: make unit [ARGS="-k outbox"]
integration: $(DEV)/.done $(OLDER_GITPYTHON) ## run the tests with real Git, Ansible and https: make integration [ARGS="-k outbox"]
sanity: $(DEV)/.done ## run ansible-test sanity
docs-lint: $(DEV)/.done ## check the documentation, its site and the changelog
molecule: $(DEV)/.done ## set up two servers on this machine and verify them
cluster: $(DEV)/.done ## boot hosts, inject faults and verify (needs root): make cluster [KEEP=1] [ARGS="-k disk"]
lint unit integration sanity docs-lint molecule cluster:
	$(DEV)/bin/python tools/test $@ $(if $(ARGS),-- $(ARGS))

faults: $(DEV)/.done ## fuzz all input, inject faults and count losses: make faults [SEED=7] [LENGTH=3] [ROW="relay"]
	$(if $(ROW),,PYTHONPATH="$(CURDIR)/collections" $(DEV)/bin/python -m ansible_collections.acs.builders.tests.fuzz --seconds 120 $(if $(SEED),--seed $(SEED)))
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" $(DEV)/bin/python tests/faults/run.py $(if $(SEED),--seed $(SEED)) $(if $(LENGTH),--length $(LENGTH)) $(if $(ROW),--row "$(ROW)")

release: $(DEV)/.done ## check, build and tag a release; pushes nothing: make release VERSION=1.0.0
	$(DEV)/bin/python tools/release $(VERSION)

matrix: $(DEV)/.done ## run on versions of ansible-core and Python (from PyPI): make matrix [CORE=2.17]
	$(DEV)/bin/python tools/matrix $(CORE)

docs: $(DEV)/.done ## build the documentation site in tests/output/docs
	$(DEV)/bin/python tools/docs

coverage: $(DEV)/.done ## measure which lines the tests run: make coverage [ARGS="tests/unit"]
	$(DEV)/bin/python tools/coverage $(ARGS)

clean: ## remove the environments, caches and archives
	rm -rf .venv .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output acs-builders-*.tar.gz

$(RUN)/.done: requirements.txt
$(DEV)/.done: requirements-dev.txt requirements.txt
.venv/%/.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.x")'
	@echo "Creating a Python environment in $(@D); this takes a minute."
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $(firstword $^)
	touch $@
.venv/gitpython-%/.done: | $(DEV)/.done
	rm -rf $(@D)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --target $(@D) GitPython==$* gitdb==4.0.9
	touch $@
