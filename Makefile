# Every target sets up what it needs by itself; the second time it starts at once.
PYTHON ?= python3
VENV = .venv/bin
ARGS ?=
.DEFAULT_GOAL := run

.PHONY: help run demo test test-fast proofs test-repeat coverage fuzz clients mutate check docs pictures bench bench-engine bench-teach package translations setup-run setup-test setup-docs

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: setup-run  ## open the window with a sample
	@$(VENV)/python main.py $(ARGS)

demo: setup-run  ## the whole chain in a terminal, with its table
	@$(VENV)/python tools/demo.py $(ARGS)

test: setup-test  ## all tests; a folder, a file or one test: make test ARGS=tests/core/exam
	@tools/test.sh $(ARGS)

test-fast: setup-test  ## the tests of core without training, window and kills: two minutes
	@tools/test.sh --fast $(ARGS)

proofs: setup-test  ## long tests of the engine that `make test` has in a short form
	@JUKU_PROOFS=1 tools/test.sh $(ARGS)

test-repeat: setup-test  ## all tests five times in a row, twice of them beside two busy processes
	@tools/repeat.sh

coverage: setup-test  ## all tests with branch coverage of core; fails under 90 %
	@tools/coverage.sh $(ARGS)

fuzz: setup-test  ## new random examples for some minutes: make fuzz ARGS=20
	@$(VENV)/python tools/fuzz.py $(ARGS)

clients: setup-test  ## the clients of others that the engine is tried with, below build/clients (npm for one)
	@$(PYTHON) tools/install_clients.py

mutate: setup-test  ## whether the tests notice small changes (hours); one module: make mutate ARGS=core/providers/uploads.py
	@$(VENV)/python tools/mutate.py $(ARGS)

check: setup-test  ## format, lint, types, order of imports, translations, list of rules
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports --no-logo
	$(VENV)/python tools/translations.py --check
	$(VENV)/python tools/rules.py --check

docs: setup-docs  ## the documentation as a site in build/site; dead links fail
	@NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build $(ARGS)

pictures: setup-test  ## the pictures of README and guide, from the running program; first trains a small model: make pictures ARGS="--only exam"
	@$(VENV)/python tools/pictures.py $(ARGS)

bench: setup-test  ## speeds as ratios: make bench ARGS="--only rows"
	@$(VENV)/python tools/bench.py $(ARGS)

bench-engine: setup-test  ## speeds of the local engine against peers: make bench-engine ARGS="--only step"
	@$(VENV)/python tools/bench_engine.py $(ARGS)

bench-teach: setup-test  ## how well unseen pages are taught (hours): make bench-teach ARGS="--recipes page_rows --seeds 5"
	@$(VENV)/python tools/bench_teach.py $(ARGS)

package: setup-run  ## a folder that needs no Python, and the Debian package of it, in build/package
	@$(VENV)/python packaging/build_deb.py $(ARGS)

translations: setup-test  ## bring the catalogs up to the source
	$(VENV)/python tools/translations.py

setup-run:
	@$(PYTHON) tools/install.py run

setup-test:
	@$(PYTHON) tools/install.py test

setup-docs:
	@$(PYTHON) tools/install.py docs
