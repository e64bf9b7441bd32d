# Every target sets up what it needs by itself; the second time it starts at once.
PYTHON ?= python3
VENV = .venv/bin
ARGS ?=

.PHONY: run demo test test-repeat fuzz mutate check bench translations setup-run setup-test

run: setup-run
	@$(VENV)/python main.py $(ARGS)

demo: setup-run
	@$(VENV)/python tools/demo.py $(ARGS)

test: setup-test
	@tools/test.sh $(ARGS)

# Five times in a row, twice of them beside two busy processes.
test-repeat: setup-test
	@tools/repeat.sh

# Examples drawn anew, for some minutes: make fuzz ARGS=20
fuzz: setup-test
	@$(VENV)/python tools/fuzz.py $(ARGS)

# Hours; one module: make mutate ARGS=core/providers/uploads.py
mutate: setup-test
	@$(VENV)/python tools/mutate.py $(ARGS)

check: setup-test
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports --no-logo
	$(VENV)/python tools/translations.py --check
	$(VENV)/python tools/rules.py --check

bench: setup-test
	@$(VENV)/python tools/bench.py $(ARGS)

translations: setup-test
	$(VENV)/python tools/translations.py

setup-run:
	@$(PYTHON) tools/install.py run

setup-test:
	@$(PYTHON) tools/install.py test
