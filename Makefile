# Everything here needs nothing but make and a Python >= 3.9 with pip and venv:
# nox, in an environment of its own, sets up all the rest.

PYTHON ?= python3
VENV := .venv
NOX := $(VENV)/bin/nox

.PHONY: demo test matrix servers soak docs model upstream bench coverage lint audit clean

demo: $(NOX)  ## the bug and the cure, on a real server
	@$(NOX) --session demo

test: $(NOX)  ## everything that one Python can run
	$(NOX) --session test

matrix: $(NOX)  ## all affected releases of ididi, all Pythons, both ends of wrapt
	$(NOX) --session matrix pythons wrapt

servers: $(NOX)  ## the example services under every server, without the shim too
	$(NOX) --session servers

soak: $(NOX)  ## a hundred thousand requests, and a worker that gets killed
	@$(NOX) --session soak

docs: $(NOX)  ## the recipes of the documents, and what they are compared with
	$(NOX) --session docs compare

coverage: $(NOX)  ## which branches of the package the tests take
	$(NOX) --session coverage

lint: $(NOX)  ## ruff, mypy and pyright
	$(NOX) --session lint

audit: $(NOX)  ## the package, by the tools of those who have to allow it
	$(NOX) --session audit

model: $(NOX)  ## the model for long, races and faults, on releases of each shape
	$(NOX) --session model

upstream: $(NOX)  ## the fix for ididi itself, on the releases that it is for
	$(NOX) --session upstream

bench: $(NOX)  ## what a call costs, with and without the shim
	$(NOX) --session bench

clean:  ## all that the others have made
	rm -rf $(VENV) .nox dist .coverage* .mypy_cache .pytest_cache .ruff_cache

$(NOX):
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet nox
