# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PYTHON=3.9 runs unit, kernel and units with that Python, as on a managed host. Without it, they run in .venv.
# CORE=2.16 runs unit, examples and integration with that ansible-core (2.16 to 2.21), as on a controller.
# TARGETS="cnm_network ..." restricts integration, SCENARIOS="overlay ..." molecule, and MACHINES="debian13 ..." machines.
# ARGS="-k name -x" is passed to pytest and ansible-test. kernel, faults and examples run in WORKERS=4 processes; ARGS="-n 0" uses one, for --pdb.

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
# Those that take longest come first.
SCENARIOS := roles control default docker-beside overlay
MACHINES := debian12 debian13
FAULTS := tests/kernel/faults
# Tests of what runs on managed hosts, where ansible-core does not matter.
ON_HOSTS := plugins/module_utils engines agent command etcd test_documents.py test_layers.py test_parcel.py
EXHAUSTIVE := tests/unit/plugins/module_utils/exhaustive
TEST_PYTHON := $(if $(PYTHON),$(CURDIR)/.cache/target/$(PYTHON)/bin/python,$(BIN)/python)
# These tests mostly wait, so four workers suit two cores. $(call PRIVATE_PYTEST,PYTHON)
WORKERS := 4
PRIVATE_PYTEST = $(AS_ROOT) tests/private-host $(1) -m pytest -q --dist worksteal \
    --tx '$(WORKERS)*popen//python=tests/private-host --processes $(1)'
# The same each time: a change must not fail because of what another seed finds. ARGS="--seed 2" looks further.
SEED := --seed 1
# The adversaries try something else on each commit, and the same when a commit is tested again.
kernel: SEED = --seed $(shell printf %d 0x$$(git rev-parse --short=6 HEAD 2>/dev/null || echo 1))
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env)
PLAYBOOK := $(AS_ROOT) $(BIN)/ansible-playbook --inventory playbooks/inventory/localhost.ini

# Run COMMAND if FOLDER exists; otherwise say so and succeed: $(call if-any,FOLDER,COMMAND)
if-any = @if [ -d $(1) ]; then set -x; $(2); else echo '$(1) does not exist, so there is nothing to run.'; fi

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
	@.ci/setup tools ip nft ping pyroute2 curl mount

.PHONY: set-up
set-up: tools ## Make .venv and install missing packages; the other targets do this when needed

.PHONY: unit
unit: venv ## Test the core; takes seconds, no root
	$(TEST_PYTHON) -m pytest -q tests/unit --ignore $(EXHAUSTIVE) $(ARGS)

.PHONY: cores
cores: CORES ?= 2.16 2.17 2.18 2.19 2.20
cores: ## Run the unit tests of what runs on the controller with older versions of ansible-core; no root
	set -e; for version in $(CORES); do \
	    $(MAKE) unit CORE=$$version ARGS='$(ON_HOSTS:%=--ignore tests/unit/%) $(ARGS)'; done

.PHONY: exhaustive
exhaustive: venv ## Interrupt runs before each step, and put each option through its twelve steps; no root
	$(TEST_PYTHON) -m pytest -q $(EXHAUSTIVE) $(ARGS)

.PHONY: kernel
kernel: tools ## Test against the kernel, on private hosts (root)
	@.ci/setup tools aardvark-dns busybox conntrack ctr docker-compose dockerd etcd frr nftables openssl \
	    ovs-vsctl podman prometheus_client runc unbound wg wireguard-go
	$(call if-any,tests/kernel,$(call PRIVATE_PYTEST,$(TEST_PYTHON)) tests/kernel --ignore $(FAULTS) $(SEED) $(ARGS))

.PHONY: faults
faults: tools ## Test runs that are killed, refused by the kernel, interrupted at each step, or concurrent (root)
	@.ci/setup tools aardvark-dns busybox conntrack ovs-vsctl wireguard-go
	$(call if-any,$(FAULTS),$(call PRIVATE_PYTEST,$(TEST_PYTHON)) $(FAULTS) $(SEED) $(ARGS))

.PHONY: machines
machines: tools ## Test with the kernels of Debian 12 and 13, one by one and as hosts (root); MACHINES=debian13 for one
	@.ci/setup tools debian-keyring mmdebstrap qemu ssh
	set -e; for machine in $(MACHINES); do \
	    $(AS_ROOT) tests/machines/machine $$machine python3 -m pytest -q -n 2 \
	        $$(grep -rlE 'pytest.mark.machine|each_scenario' tests/kernel --include='test_*.py') \
	        -m machine --none-skipped $(SEED) --stride 25 $(ARGS); done
	$(if $(word 2,$(MACHINES)),$(AS_ROOT) tests/machines/joined debian12 debian13 $(MAKE) molecule-machines)

.PHONY: integration
integration: tools ## Test the modules with ansible-test, on a private host (root)
	@.ci/setup tools busybox ovs-vsctl
	$(call if-any,tests/integration/targets,$(AS_ROOT) tests/private-host .ci/ansible-test integration --allow-destructive --python default $(TARGETS) $(ARGS))

.PHONY: examples
examples: tools ## Run the examples of the modules and of the documentation, on private hosts (root)
	@.ci/setup tools chromedriver dot nginx
	$(BIN)/python -m pip install -qq --requirement tests/examples/requirements.txt
	$(call if-any,tests/examples,$(call PRIVATE_PYTEST,$(BIN)/python) tests/examples $(ARGS))

.PHONY: molecule
molecule: tools ## Run the Molecule scenarios on a fleet of hosts in containers (root); SCENARIOS=overlay for one
	@.ci/setup tools debian-keyring dockerd mmdebstrap slirp4netns ssh
	$(AS_ROOT) tests/fleet $(MAKE) --jobs 2 --output-sync $(SCENARIOS:%=molecule-%)

molecule-%: export ANSIBLE_REMOTE_TEMP := ~/.ansible/tmp
# The state of an interrupted run describes hosts that disappeared with their engine.
molecule-%:
	molecule reset --scenario-name $*
	molecule test --scenario-name $*

.PHONY: parity
parity: tools ## Compare random steps with a real Docker and with cnm.linux, for 90 seconds (root)
	@.ci/setup tools dockerd busybox
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q -s tests/parity --seconds 90 $(SEED) $(ARGS)

.PHONY: oracle
oracle: tools ## Compare one story on real Docker hosts with etcd, and on cnm.linux hosts with and without it (root)
	@.ci/setup tools aardvark-dns busybox dockerd etcd
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q tests/oracle $(ARGS)

.PHONY: fuzz
fuzz: tools ## Give the modules bad options and damaged files, for about 60 seconds (root)
	$(AS_ROOT) tests/private-host $(BIN)/python -m pytest -q -s tests/fuzz --hypothesis-seed=1 $(ARGS)

.PHONY: test
test: unit exhaustive kernel faults integration examples parity fuzz ## Run unit, exhaustive, kernel, faults, integration, examples, parity and fuzz (root)

.PHONY: bench
bench: tools ## Compare with Docker, CNI, netavark and bare netlink, on private hosts; half an hour (root)
	@.ci/setup tools aardvark-dns busybox cni dockerd etcd ethtool iperf3 netavark
	$(BIN)/python -m pip install -qq --requirement tests/benchmarks/requirements.txt
	$(AS_ROOT) tests/private-host $(BIN)/python tests/benchmarks $(ARGS)

.PHONY: sanity
sanity: venv ## Run ansible-test sanity
	.ci/ansible-test sanity $(ARGS)

.PHONY: units
units: venv ## Run the unit tests with ansible-test
	.ci/ansible-test units --venv --python $(or $(PYTHON),default) $(ARGS)

.PHONY: lint
lint: venv ## Run ruff, mypy, ansible-lint and antsibull
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p $(COLLECTION).module_utils._cnm
	MYPYPATH=plugins/module_utils:command $(BIN)/mypy -p cnm_agent -p cnm_command -p cnm_engines -p cnm_service -m cnm_client -m cnm_engine
	$(BIN)/ansible-lint
	$(BIN)/antsibull-changelog lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self --skip-rstcheck .

.PHONY: site
site: venv ## Build the documentation site, and check its links: .cache/site/html/index.html
	$(BIN)/python -m pip install -qq --requirement docs/site/requirements.txt
	rm -rf .cache/site
	install -m 700 -d .cache/site/pages/reference
	cp --parents *.md docs/*.md docs/images/* roles/*/README.md .cache/site/pages
	cp docs/site/index.md .cache/site/pages
	$(BIN)/antsibull-docs collection --use-current --squash-hierarchy --fail-on-error \
	    --dest-dir .cache/site/pages/reference cnm.linux
	CHECKOUT=$(CURDIR) $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --conf-dir docs/site \
	    .cache/site/pages .cache/site/html

.PHONY: man
man: ## Write the manual page of the command again, after a change of its command line
	@.ci/setup manpage
	.ci/man

.PHONY: importer
importer: venv ## Build the collection, and run Galaxy's importer on it
	@.ci/setup importer
	rm -rf .cache/built
	$(BIN)/ansible-galaxy collection build --output-path .cache/built
	.ci/importer .cache/built/*.tar.gz

.PHONY: format
format: venv ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: demo
demo: tools ## Run Docker 1.9's walk-through on this host, without Docker (root)
	@.ci/setup tools nginx
	ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ANSIBLE_DISPLAY_SKIPPED_HOSTS=false $(PLAYBOOK) playbooks/demo.yml

.PHONY: demo-down
demo-down: venv ## Remove the demo, and the packages that make installed (root)
	$(PLAYBOOK) playbooks/demo_down.yml
	@.ci/setup remove

.PHONY: clean
clean: ## Remove everything that make created in the checkout
	@if [ -s .cache/installed ]; then \
	    echo 'make installed packages on this host. Remove them with make demo-down, or keep them: rm .cache/installed'; exit 1; fi
	$(AS_ROOT) rm -rf .ansible .cache .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
