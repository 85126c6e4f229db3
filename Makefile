# `make` lists the targets. GNU make and Python 3.11 or newer are all it takes.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
CHECKED := admin app bench cli core media migrations pipelines tasks tests celeryconfig.py

# As they were typed, and handed to the recipe through the environment, so that any file name is safe.
override VIDEO := $(value VIDEO)
override KEEP := $(value KEEP)
export VIDEO KEEP

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv dev demo up test hlsjs chaos check audit format bench images images-test gallery clean

help: ## List the targets
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.12 chooses the interpreter that .venv is made with.'

venv: .venv/run ## Make .venv with what running needs

dev: .venv/dev

# Python, then what running needs, then what testing needs: each again only when what it was made from has changed.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or say which to use: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cutwork needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1`. Say which to use: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) comes without venv. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo 'Making .venv …'
	@$(PYTHON) -m venv .venv

.venv/run: $(BIN)/python setup.cfg pyproject.toml constraints.txt
	@echo 'Installing what running needs …'
	@$(PIP) --editable '.[all]'
	@touch $@

.venv/dev: .venv/run
	@echo 'Installing what testing needs …'
	@$(PIP) --editable '.[all,test,dev]'
	@touch $@

demo: .venv/run ## Run all stages on a sample, or on VIDEO=file KEEP=15:00-45:00
	@$(BIN)/cutwork demo $${VIDEO:+"$$VIDEO"} $${KEEP:+--keep "$$KEEP"}

up: .venv/run ## Run the whole system here until Ctrl-C
	@$(BIN)/cutwork up

test: .venv/dev ## Run every test
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

hlsjs: .venv/dev ## Fetch hls.js from npm's registry: with it, one more test plays streams
	@$(BIN)/python -m tests.playback.hlsjs

SEED ?= 7
chaos: .venv/dev ## Run 200 jobs while 100 things die: some 20 minutes; SEED=8 draws others
	@$(BIN)/python -m tests.chaos --seed $(SEED) --jobs 200 --faults 110

check: .venv/dev ## Lint, format, types, import contracts and bandit
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive admin app cli core media pipelines tasks

audit: .venv/dev ## Look the dependencies up among known vulnerabilities; needs the network
	@$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

format: .venv/dev ## Bring the code into its format
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

.venv/bench: .venv/run
	@echo 'Installing what measuring needs …'
	@$(PIP) --editable '.[all,bench]'
	@touch $@

bench: .venv/bench ## Measure the engine beside others: half an hour or more, and 10 GB of disk
	@$(BIN)/python -m bench.trim
	@$(BIN)/python -m bench.io
	@$(BIN)/python -m bench.brand
	@$(BIN)/python -m bench.preview
	@$(BIN)/python -m bench.sprites
	@$(BIN)/python -m bench.parallel
	@$(BIN)/python -m bench.memory
	@$(BIN)/python -m bench.overhead
	@$(BIN)/python -m bench.capacity
	@$(BIN)/python -m bench.scaling_page
	@$(BIN)/python -m bench.engine_page

images: ## Build cutwork-api and cutwork-worker with docker, podman or buildah
	@images/build.sh

images-test: .venv/dev ## Build them on a stand-in for the base, and run a whole job in them: minutes, by buildah
	@STANDIN=1 BUILDER=buildah images/build.sh
	@CUTWORK_IMAGES=$$(sed -n 's/^appVersion: *//p' helm/Chart.yaml) $(BIN)/pytest tests/images

gallery: .venv/run ## Draw the pictures of docs/images.md, docs/brand.md and docs/preview.md
	@$(BIN)/python -m media.image.gallery docs/gallery/images
	@$(BIN)/python -m media.brand.gallery docs/gallery/brand
	@$(BIN)/python -m media.gallery docs/gallery/preview

clean: ## Remove caches and what demos left, but neither .venv nor .cutwork
	@rm -rf demo-out .cutwork/demo-* bench/.cache bench/.peers build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
