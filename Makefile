# Thin: every target calls the `startright` command or a standard tool.
#
#   make book            execute what is stale, check it, build _build/html
#   make test            everything that guards the book
#   make help            the other targets

JOBS ?= 2
CHAPTER ?=
STRICT ?=
ARITHMETICS ?=
PORT ?= 8000
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN := .venv/bin
READY := .venv/.ready
# One thread a worker: on two cores, two workers of two threads each mostly wait for one another. Bytecode is kept
# whatever the shell says: the tests start Python with torch some forty times, two seconds more each without it.
PYTEST := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadscope
NBVAL := --nbval-sanitize-with tests/book/sanitize.cfg -p no:cacheprovider --continue-on-collection-errors \
	$$(find book -name '*.ipynb' -not -path '*/.*' | sort)

.DEFAULT_GOAL := help
.PHONY: help setup book test portable lint unit pages nbval html browser refresh full serve claims bench linkcheck clean

help:
	@echo "make book        execute stale pages, build the HTML from what was just executed (STRICT=1: stop on differences)"
	@echo "make test        lint, unit tests, doctests, a rerun of every page, the build with warnings as errors, the pages in Chromium"
	@echo "make nbval       run every page once more, cell by cell in kernels of nbval; make test has it judge the run that is there"
	@echo "make portable    execute the pages with the arithmetics of other processors (ARITHMETICS='default avx2')"
	@echo "make serve       serve the built HTML on this machine (PORT=$(PORT))"
	@echo "make html        build the HTML from the committed outputs, executing nothing"
	@echo "make browser     look at the built HTML with Chromium: wide and narrow, light and dark, in print"
	@echo "make full        compute and record the full studies on the best device (CHAPTER=signal/edge-of-chaos)"
	@echo "make refresh     execute stale pages and write their outputs back into the notebooks"
	@echo "make claims      print every claim with its verdict"
	@echo "make bench       run the benchmarks, each beside its baseline"
	@echo "make linkcheck   follow the external links of the book"
	@echo "make setup       only create .venv with the locked versions"
	@echo "make clean       remove what was built and executed here"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Starting Right needs Python 3.11 or newer: install one, or name it, make PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Starting Right needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)"; exit 2; }
	@test -x $(BIN)/python || { echo "creating .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "installing the locked versions (a few minutes the first time: torch is large)"
	@index="$${UV_DEFAULT_INDEX:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	test -z "$$index" || export UV_DEFAULT_INDEX="$$index"; \
	test -w "$$HOME" || export UV_CACHE_DIR=.venv/.uv-cache; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import startright.book.catalogue' # its bytecode, once
	@touch $@

book: setup
	@$(BIN)/startright book $(if $(STRICT),--strict)

portable: setup
	@$(BIN)/startright book portable $(ARITHMETICS)

html: setup
	@$(BIN)/startright book html

refresh: setup
	@$(BIN)/startright book refresh

full: setup
	@$(BIN)/startright book full $(CHAPTER)

serve: setup
	@$(BIN)/startright book serve --port $(PORT)

claims: setup
	@$(BIN)/startright claims

bench: setup
	@$(BIN)/python benchmarks/run.py $(if $(MINUTES),--minutes $(MINUTES))

linkcheck: setup
	@$(BIN)/startright book linkcheck

test: lint unit pages html browser

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

unit: setup
	$(PYTEST) --ignore=tests/browser

# skipped, with the reason, where there is no Chromium: apt-get install chromium
browser: html
	$(PYTEST) --dist worksteal -rs tests/browser

# one rerun for both: `book execute --strict` judges its measured cells, nbval the exact ones
pages: setup
	$(BIN)/startright check
	$(BIN)/startright book execute --strict
	$(BIN)/pytest -p startright.book.replay $(NBVAL)

nbval: setup
	CUDA_VISIBLE_DEVICES= TQDM_DISABLE=1 PYTHONHASHSEED=0 $(PYTEST) --nbval $(NBVAL)

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
