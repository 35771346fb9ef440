# make help lists the targets. Every target builds the environment (.venv) first when it is missing or out of date.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PYTHONHASHSEED ?= 0

.PHONY: help setup test test-slow lab demo bench clean
help:              ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

$(VENV)/.ready: settings.ini setup.py constraints.txt scripts/cpu_torchvision.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python scripts/cpu_torchvision.py
	touch $@

setup: $(VENV)/.ready  ## build the environment in .venv (about 90 s)

test: $(VENV)/.ready   ## notebooks and package in step, then every notebook's tests (under 3 minutes)
	$(BIN)/python scripts/check.py
	$(BIN)/nbdev_test --n_workers 2

test-slow: $(VENV)/.ready  ## what takes longer: kills, calibration, random rewrites, browsers
	$(BIN)/nbdev_test --n_workers 2 --flags slow

lab: $(VENV)/.ready    ## JupyterLab on this machine, with the project's kernel
	$(BIN)/jupyter lab --ip 127.0.0.1 --notebook-dir . nbs/index.ipynb

demo: $(VENV)/.ready   ## from nothing to a verdict on simulated reads (under 10 minutes on two cores); goes on where it stopped
	$(BIN)/python scripts/demo.py

bench: $(VENV)/.ready  ## every benchmark with its full counts; tables go to benchmarks/results/
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:             ## remove the environment and caches; data/ and outputs/ stay
	rm -rf $(VENV) *.egg-info build .pytest_cache
