# make run: start the bot (with the sandbox if there is no token). make test: run the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check clean

run: .venv/run
	$(BIN)/firstline run

test: .venv/test
	$(BIN)/pytest

# What else CI holds the code to.
check: .venv/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/run: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/test: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable ".[postgres,train,dev]"
	touch $@ .venv/run

clean:
	rm -rf .venv
