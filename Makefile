# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PYTHON=3.9 runs unit, kernel and units with that Python as the managed host's; without it they run in .venv.
# CORE=2.16 runs unit, examples and integration with that ansible-core, 2.16 to 2.21, as the controller's.
# TARGETS="cnm_network ..." restricts integration, SCENARIOS="reboot ..." molecule; ARGS="-k name -x" is handed to
# pytest and ansible-test.

SHELL := /bin/bash
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible-home
export ANSIBLE_REMOTE_TEMP := $(CURDIR)/.cache/ansible-home/tmp
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis
export MYPYPATH := $(CURDIR)/.cache
export BIN := $(CURDIR)/$(if $(CORE),.cache/core/$(CORE),.venv)/bin
export PATH := $(BIN):$(PATH)
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
export RUFF_CACHE_DIR := $(CURDIR)/.cache/ruff

COLLECTION := ansible_collections.cnm.linux.plugins
SCENARIOS := default roles reboot docker-beside overlay
FAULTS := tests/kernel/faults
EXHAUSTIVE := tests/unit/plugins/module_utils/exhaustive
TEST_PYTHON := $(if $(PYTHON),$(CURDIR)/.cache/target/$(PYTHON)/bin/python,$(BIN)/python)
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env)
PLAYBOOK := $(AS_ROOT) $(BIN)/ansible-playbook --inventory playbooks/inventory/localhost.ini

# Says so and succeeds where there is nothing to run yet: $(call if-any,FOLDER,COMMAND)
if-any = @if [ -d $(1) ]; then set -x; $(2); else echo 'There is no $(1) to run.'; fi

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: venv
venv:
	@.ci/setup venv
	@$(if $(PYTHON),.ci/setup target $(PYTHON))
	@$(if $(CORE),.ci/setup core $(CORE))

.PHONY: tools
tools: venv
	@.ci/setup tools ip nft ping curl mount

.PHONY: set-up
set-up: tools ## Make .venv and install the missing packages; the other targets do it when they need it

.PHONY: unit
unit: venv ## Test the core: seconds, no root
	$(TEST_PYTHON) -m pytest -q tests/unit --ignore $(EXHAUSTIVE) $(ARGS)

.PHONY: exhaustive
exhaustive: venv ## Break a run off before each of its steps, and put each option through its whole life; no root
	$(TEST_PYTHON) -m pytest -q $(EXHAUSTIVE) $(ARGS)

.PHONY: kernel
kernel: tools ## Test against the kernel, on private hosts (root)
	@.ci/setup tools aardvark-dns conntrack
	$(call if-any,tests/kernel,$(AS_ROOT) tests/private-host $(TEST_PYTHON) -m pytest -q tests/kernel --ignore $(FAULTS) $(ARGS))

.PHONY: faults
faults: tools ## Let runs be killed, refused, interrupted at their steps, and be many at once (root)
	@.ci/setup tools aardvark-dns conntrack
	$(call if-any,$(FAULTS),$(AS_ROOT) tests/private-host $(TEST_PYTHON) -m pytest -q $(FAULTS) $(ARGS))

.PHONY: integration
integration: tools ## Run the modules by ansible-test, on a private host (root)
	$(call if-any,tests/integration/targets,$(AS_ROOT) tests/private-host .ci/ansible-test integration --allow-destructive --python default $(TARGETS) $(ARGS))

.PHONY: examples
examples: tools ## Run the examples of the modules and of the documents, on private hosts (root)
	$(call if-any,tests/examples,$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q tests/examples $(ARGS))

.PHONY: molecule
molecule: tools ## Run the Molecule scenarios on a fleet of hosts in containers (root); SCENARIOS=reboot for one
	@.ci/setup tools debian-keyring dockerd mmdebstrap slirp4netns ssh
	$(AS_ROOT) tests/fleet $(MAKE) --jobs 2 --output-sync $(SCENARIOS:%=molecule-%)

molecule-%: export ANSIBLE_REMOTE_TEMP := ~/.ansible/tmp
# What a run that was broken off remembers is of hosts that went with their engine.
molecule-%:
	molecule reset --scenario-name $*
	molecule test --scenario-name $*

.PHONY: parity
parity: tools ## Do the same at random with a real Docker and with us, and compare, for 90 seconds (root)
	@.ci/setup tools dockerd busybox
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q -s tests/parity --seconds 90 $(ARGS)

.PHONY: oracle
oracle: tools ## Tell one story on two real Dockers with an etcd and on two hosts of ours, and compare (root)
	@.ci/setup tools aardvark-dns busybox dockerd etcd
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q tests/oracle $(ARGS)

.PHONY: fuzz
fuzz: tools ## Give the modules bad options and damaged files, for about 60 seconds (root)
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q -s tests/fuzz $(ARGS)

.PHONY: test
test: unit exhaustive kernel faults integration examples parity fuzz ## All eight of these

.PHONY: bench
bench: tools ## Measure, beside Docker, CNI, netavark and bare netlink, on private hosts (root); minutes
	@.ci/setup tools aardvark-dns busybox cni dockerd etcd ethtool iperf3 netavark
	$(BIN)/python -m pip install -qq --requirement tests/benchmarks/requirements.txt
	$(AS_ROOT) tests/private-host $(BIN)/python tests/benchmarks $(ARGS)

.PHONY: sanity
sanity: venv ## Run ansible-test sanity
	.ci/ansible-test sanity $(ARGS)

.PHONY: units
units: venv ## Run the unit tests by ansible-test
	.ci/ansible-test units --venv --python $(or $(PYTHON),default) $(ARGS)

.PHONY: lint
lint: venv ## Run ruff, mypy, ansible-lint and antsibull
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p $(COLLECTION).module_utils._cnm
	MYPYPATH=plugins/module_utils:command $(BIN)/mypy -p cnm_command
	$(BIN)/ansible-lint
	$(BIN)/antsibull-changelog lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self --skip-rstcheck .

.PHONY: importer
importer: venv ## Build the collection, and let Galaxy's importer say what it would warn of
	@.ci/setup importer
	rm -rf .cache/built
	$(BIN)/ansible-galaxy collection build --output-path .cache/built
	.ci/importer .cache/built/*.tar.gz

.PHONY: format
format: venv ## Let ruff format the code and mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: demo
demo: tools ## Docker 1.9's walk-through on this host, without Docker (root)
	@.ci/setup tools nginx
	ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ANSIBLE_DISPLAY_SKIPPED_HOSTS=false $(PLAYBOOK) playbooks/demo.yml

.PHONY: demo-down
demo-down: venv ## Take the demo away, and every package that make has installed
	$(PLAYBOOK) playbooks/demo_down.yml
	@.ci/setup remove

.PHONY: clean
clean: ## Remove what make has made in the checkout
	@if [ -s .cache/installed ]; then \
	    echo 'make has installed packages on this host; make demo-down removes them. Or: rm .cache/installed'; exit 1; fi
	$(AS_ROOT) rm -rf .ansible .cache .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
