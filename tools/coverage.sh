#!/bin/sh
# Runs the tests under coverage.py, their child processes too, and prints the branch coverage of core; fails under the limit of pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
rm -rf build/coverage
mkdir -p build/coverage
status=0
JUKU_RUN="-m coverage run -m pytest" tools/test.sh "$@" || status=$?
.venv/bin/python -m coverage combine -q
.venv/bin/python -m coverage html -q --fail-under=0
.venv/bin/python -m coverage report || status=$?
exit $status
