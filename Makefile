# The front door: `make help` lists what there is. All of it needs git, make and a
# Python >= 3.9 with pip and venv; nox, in an environment of its own, sets up the rest.

PYTHON ?= python3
VENV := .venv
NOX := $(VENV)/bin/nox --session
LAB := $(VENV)/bin/nox --noxfile lab/noxfile.py --session
RELEASE := $(VENV)/bin/nox --noxfile release/noxfile.py --session

.PHONY: help
help:  ## this list
	@echo "make TARGET [PYTHON=python3.13]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-13s%s\n", $$1, $$2} \
		/^### / {print "\n" substr($$0, 5)}' Makefile

### For a first look

.PHONY: demo test
demo: $(VENV)  ## the bug and the cure, on a real server (half a minute)
	@$(NOX) demo

test: $(VENV)  ## all that a change has to pass, on this Python (2 minutes)
	$(NOX) test

### Before a change goes in

.PHONY: lint control matrix coverage
lint: $(VENV)  ## ruff, mypy and pyright (a minute)
	$(NOX) lint

control: $(VENV)  ## see the tests fail with the shim off (a minute)
	$(NOX) control

matrix: $(VENV)  ## all affected ididi releases, all Pythons, both ends of wrapt (an hour)
	$(NOX) matrix pythons wrapt

coverage: $(VENV)  ## which branches of the package the tests take (10 minutes)
	$(NOX) coverage

### The laboratory: lab/README.md says what each proves

.PHONY: servers soak isolation lihil agents command docs model differential mutants upstream bench
servers: $(VENV)  ## a service under every server, with the shim and without (40 minutes)
	$(LAB) servers

soak: $(VENV)  ## a hundred thousand requests, and a worker that gets killed (7 minutes)
	@$(LAB) soak

isolation: $(VENV)  ## ten thousand requests that try to meet each other (20 minutes)
	$(LAB) isolation

lihil: $(VENV)  ## lihil's own tests in empty contexts (2 minutes)
	$(LAB) lihil

agents: $(VENV)  ## ddtrace, OpenTelemetry, New Relic, Elastic, Temporal (4 minutes)
	$(LAB) agents

command: $(VENV)  ## the command in PEX and shiv programs (2 minutes)
	$(LAB) command

docs: $(VENV)  ## the recipes that need a server, and the tables (10 minutes)
	$(LAB) docs compare

model: $(VENV)  ## the model for long, on ididi releases of each shape (20 minutes)
	$(LAB) model

differential: $(VENV)  ## 10,000 random programs, with and without (20 minutes)
	$(LAB) differential

mutants: $(VENV)  ## change the code by machine, and see that a test fails (hours)
	$(LAB) mutants

upstream: $(VENV)  ## the fix for ididi itself, with ididi's own tests (5 minutes)
	$(LAB) upstream

bench: $(VENV)  ## what a call, a start and a request cost (5 minutes)
	$(LAB) bench

### A release: docs/releasing.md has the steps

.PHONY: release audit
release: $(VENV)  ## build what is published, from a clean clone (a minute)
	$(RELEASE) release check

audit: $(VENV)  ## the package, by the tools of those who have to allow it (3 minutes)
	$(RELEASE) audit

### The rest

.PHONY: clean
clean:  ## remove all that the others have made
	rm -rf $(VENV) .nox dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Made anew whenever PYTHON is another than the one that has made it. What has made it
# is written last, so that a try that failed half-way is made anew as well.
WHICH := import os, sys; sys.version_info >= (3, 9) or sys.exit("This needs Python 3.9 \
or newer, and $(PYTHON) is " + sys.version.split()[0] + ": name one with PYTHON=."); \
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))

.PHONY: $(VENV)
$(VENV):
	@python=$$($(PYTHON) -c '$(WHICH)') || exit 1; \
	if [ "$$(cat $(VENV)/made-by 2>/dev/null)" != "$$python" ]; then \
		rm -rf $(VENV) && "$$python" -m venv $(VENV) && \
		$(VENV)/bin/python -m pip install --quiet nox && \
		echo "$$python" > $(VENV)/made-by; \
	fi
