# make demo    the main job: generate scans, ingest them, search by word, picture and SQL
# make test    lint and the whole test suite, in JOBS processes (2)
# make quick   the tests that take less than 5 s each
# make coverage  the whole test suite with line coverage, which may not fall below the floor in pyproject.toml
# make docs    the pages of docs/ and the Python reference as a site, in build/site
# make page    the script and style of the web page, from web/page into web/static; needs Node and npm
# make bench   the benchmarks of docs/benchmarks.md, quick sizes
# make bench-gpu   everything on CUDA beside its twin on the CPU, at most 8 minutes (docs/gpu.md)
PYTHON ?= python3
BIN := .venv/bin
EXTRAS ?= dev
JOBS ?= 2
ROOMS := core store ingest models query drawing evaluation workflows web cli migrations

.PHONY: install demo test pytest quick coverage lint docs page bench bench-gpu clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c '' || { echo "There is no $(PYTHON) here that runs: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ovstore needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv, which Debian and Ubuntu package separately: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@echo "Installing into .venv: a few minutes, 7 GB on disk."
	@$(BIN)/pip install --quiet --upgrade pip
	@PYTHONWARNINGS='ignore:Editable installation' $(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: install
	docs/demo.sh

test: lint pytest

pytest: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --durations=20

quick: install
	$(BIN)/python -m pytest -m "not slow"

coverage: install
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --durations=20
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# mypy wants a package folder that bears the package's name; a clone may have any name.
lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@links=$$(mktemp -d) && ln -s "$(CURDIR)" $$links/ovstore && cd $$links && \
	  "$(CURDIR)/$(BIN)/mypy" --config-file ovstore/pyproject.toml --cache-dir "$(CURDIR)/.mypy_cache" -m ovstore $(ROOMS:%=-p ovstore.%); \
	  status=$$?; rm -r $$links; exit $$status
	@if [ -x web/page/node_modules/.bin/tsc ]; then web/page/node_modules/.bin/tsc --project web/page/jsconfig.json; fi

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "The site is in build/site: open build/site/index.html."

page: web/page/node_modules/.package-lock.json
	node web/page/build.mjs

web/page/node_modules/.package-lock.json: web/page/package-lock.json
	npm ci --prefix web/page --no-audit --no-fund

bench: install
	$(BIN)/python bench/fusion.py --quick
	$(BIN)/python bench/search.py --quick

bench-gpu: install
	$(BIN)/python bench/gpu.py

clean:
	rm -rf demo .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache build
