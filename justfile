# The tasks of a contributor. `just` lists them.

_list:
    @just --list --unsorted

# Install awsenv and everything that its tests and linters need
setup:
    python3 -m venv .venv
    .venv/bin/pip install -q -e '.[test]' --group lint

# Run all tests, or those that are named
test *words:
    .venv/bin/pytest -q -n auto {{ words }}

# Run the tests that need no shell, no agent and no client: under a minute
test-fast *words:
    .venv/bin/pytest -q -n 4 -m "not slow" {{ words }}

# Check style, types, imports and shell code
lint:
    .venv/bin/ruff check
    .venv/bin/ruff format --check
    .venv/bin/mypy
    .venv/bin/lint-imports
    shellcheck .ci/run
    shfmt -i 2 -d .ci/run

# Write what the documents quote of the program, and the table of the completions
docs:
    .venv/bin/python tests/docs/quotes.py
    .venv/bin/python tests/docs/completions.py

# Draw the pictures in docs/
pictures *words:
    .venv/bin/python tests/docs/picture.py {{ words }}

# Measure whole processes, side by side
bench *words:
    .venv/bin/python tests/bench/run.py {{ words }}

# Do what CI does
ci:
    .ci/run
