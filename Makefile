# make help lists the targets. Every target first builds the environment (.venv) if it is missing or out of date.
# PYTHON names the interpreter for .venv; the default is the newest installed version in VERSIONS. Every pinned
# package has a wheel for each of these versions (make check-pins).
VERSIONS := 3.14 3.13 3.12 3.11
PYTHON ?= $(firstword $(foreach v,$(VERSIONS),$(shell python$(v) -c 'import sys; print(sys.executable)' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
export PYTHONHASHSEED ?= 0
# how it is made: configs/study.yaml
STUDY_REFERENCE := data/reference/grch38.chr20_chr21_first10Mb.fasta.gz

.PHONY: help setup test test-slow lab demo docs docs-serve tutorials study study-plan bench ablation bench-gpu same-results check-pins check-environments check-wheel clean
help:              ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

$(VENV)/.ready: settings.ini setup.py constraints.txt scripts/cpu_torchvision.py
	$(if $(PYTHON),,$(error no Python found; install one of $(VERSIONS) (on Debian: apt install python3 python3-venv), or name one with PYTHON=...))
	@echo "building $(VENV) with $(PYTHON), $$($(PYTHON) --version)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,onnx]'
	$(BIN)/python scripts/cpu_torchvision.py
	touch $@

setup: $(VENV)/.ready  ## build the environment in .venv (about 90 s)

test: $(VENV)/.ready   ## check that the package is what the notebooks export, then run their tests (under 3 minutes)
	$(BIN)/python scripts/check.py
	$(BIN)/nbdev_test --n_workers 2

test-slow: $(VENV)/.ready  ## run the slow tests: interrupted runs, damaged files, calibration, random rewrites, browsers
	$(BIN)/nbdev_test --n_workers 2 --flags slow

lab: $(VENV)/.ready    ## start JupyterLab on this machine with the project's kernel
	$(BIN)/jupyter lab --ip 127.0.0.1 --notebook-dir . nbs/index.ipynb

demo: $(VENV)/.ready   ## from nothing to a report on simulated reads (4 to 8 minutes on two cores); continues where it stopped
	$(BIN)/python scripts/demo.py

$(VENV)/.docs: $(VENV)/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

docs: $(VENV)/.docs    ## build the documentation site in _site/ and check its links (20 s); open _site/index.html
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/check_docs.py _site

docs-serve: docs       ## build the site and serve it on this machine, at http://127.0.0.1:8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _site

tutorials: $(VENV)/.ready  ## run the commands of docs/tutorials, each tutorial in an empty folder (minutes)
	$(BIN)/python scripts/tutorials.py

$(VENV)/.study: $(VENV)/.ready workflow/constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -c workflow/constraints.txt -e '.[study]'
	touch $@

CONFIG ?= configs/study_tiny.yaml
PROFILE ?= local
study: $(VENV)/.study  ## run what is left of a study: make study CONFIG=configs/study_tiny.yaml [PROFILE=slurm] (docs/cluster.md)
	$(BIN)/dvb_study $(CONFIG) --profile $(PROFILE)

study-plan: $(VENV)/.ready  ## print jobs, hours and storage of a study, and run nothing: make study-plan CONFIG=... [PROFILE=slurm]
	$(BIN)/dvb_study $(CONFIG) --profile $(PROFILE) --plan

# Benchmarks that need real reads or the reference of the study are left out, with a message, if those are missing.
bench: $(VENV)/.ready  ## run every benchmark at full size (hours); tables go to benchmarks/results/
	mkdir -p benchmarks/results
	$(BIN)/python scripts/demo.py
	$(BIN)/python benchmarks/simulate.py --write
	$(BIN)/python benchmarks/dataset.py --data data/demo --out benchmarks/results/dataset.md
	$(BIN)/python benchmarks/training.py --data data/demo --rounds 3 --steps 4 --out benchmarks/results/training.md
	$(BIN)/python benchmarks/training.py --data data/demo --rounds 3 --steps 4 -p precision auto --out benchmarks/results/training_auto.md
	$(BIN)/python benchmarks/training.py --data data/demo --rounds 3 --steps 4 -p precision auto -p rows 75 --out benchmarks/results/training_auto_rows75.md
	$(BIN)/python benchmarks/training.py --data data/demo --rounds 3 --steps 3 --batch 32 -p rows 75 -p compile true --out benchmarks/results/training_compiled.md
	$(BIN)/python benchmarks/kills.py --out benchmarks/results/kills.md
	$(BIN)/python benchmarks/fuzz.py --out benchmarks/results/fuzz.md
	$(BIN)/python benchmarks/calling.py --out benchmarks/results/calling.md
	$(BIN)/python benchmarks/network_speed.py --data data/demo --out benchmarks/results/network_speed.md
	$(BIN)/python benchmarks/explore.py --out benchmarks/results/explore.md
	$(BIN)/python benchmarks/scale.py --out benchmarks/results/scale.md
	$(BIN)/python benchmarks/verdict.py
	$(BIN)/python benchmarks/summary.py
	if [ -d ../shared/data ]; then $(BIN)/python benchmarks/make_examples.py --out benchmarks/results/make_examples.md && \
	  $(BIN)/python benchmarks/declared_test.py --ref ../shared/data/reference/grch38.chr20_chr21_first10Mb.fasta.gz --work data/declared --write && \
	  for options in 'simulated --no_realign' na12878 'na12878 --adapt' 'na12878 --no_realign' 'na12878 --no_realign --adapt' hg002 'hg002 --adapt' 'hg002 --made' \
	    'hg002 --no_realign' 'hg002 --no_realign --adapt' 'hg002 --no_realign --made'; do $(BIN)/python benchmarks/sim_to_real.py $$options --write || exit 1; done && \
	  for options in hg002 'hg002 --no_realign' na12878 'na12878 --no_realign'; do $(BIN)/python benchmarks/sim_to_real.py $$options --arch pileup_set \
	    --config configs/simulation_set.yaml --mb 8 --samples 1 --seeds 3 --depths 0,15,9 --callers --threads 1 --write || exit 1; done; \
	else echo "left out, because ../shared/data with real reads is not there: make_examples.py, declared_test.py, sim_to_real.py"; fi
	if [ -f $(STUDY_REFERENCE) ]; then $(MAKE) ablation; \
	else echo "left out, because $(STUDY_REFERENCE) is not there (how it is made: configs/study.yaml): pileup_set_ablation.py"; fi

# The training images are those of train_first in configs/study.yaml.
ablation: $(VENV)/.ready  ## measure each part of pileup_set by leaving it out (two hours on two cores)
	mkdir -p data/ablation
	for sample in training test; do \
	  [ -d data/ablation/$$sample ] && continue; \
	  options='--ref $(STUDY_REFERENCE) --mb 14 --platform hiseq101 --read_length 101,151 --seed 401 --sample STUDY_TRAINING_FIRST'; \
	  if [ $$sample = test ]; then options='--mb 5 --platform hiseq148 --read_length 148 --seed 88001 --sample ABLATION_TEST'; fi; \
	  reads=data/ablation/$${sample}_reads; \
	  { [ -d $$reads ] || $(BIN)/dvb_simulate $$reads $$options --coverage 5 --coverage_to 60 --variant_rate 0.0015 --jobs 2; } && \
	  $(BIN)/dvb_examples data/ablation/$$sample --reads $$reads/reads.bam --ref $$reads/reference.fasta \
	    --truth $$reads/truth.vcf.gz --confident $$reads/confident.bed --jobs 2 || exit 1; \
	done
	$(BIN)/python benchmarks/pileup_set_ablation.py --data data/ablation/training --test_data data/ablation/test --epochs 2 --jobs 2 \
	  --out data/ablation/runs.json --table benchmarks/results/pileup_set_ablation.md

bench-gpu: $(VENV)/.ready  ## measure training speed on a GPU against the thesis's recipe; tables go to benchmarks/results/
	$(BIN)/python -c 'import torch; raise SystemExit(None if torch.cuda.is_available() else "torch sees no GPU here")'
	$(BIN)/python benchmarks/training.py -p rows 75 --out benchmarks/results/training_gpu.md
	$(BIN)/python benchmarks/training.py -p rows 75 -p compile true --out benchmarks/results/training_gpu_compiled.md

same-results: $(VENV)/.ready  ## do simulated files, images, splits and scores still have the recorded hashes? (minutes, x86-64)
	$(BIN)/python scripts/same_results.py . --portable --expected scripts/same_results.tsv

check-pins: $(VENV)/.ready  ## check that every pinned package has a wheel for Python 3.11.0 and each newer version
	$(BIN)/python scripts/check_pins.py

check-environments: $(VENV)/.ready  ## check environment.yml and docker/Dockerfile as far as py-rattler and hadolint can
	$(BIN)/python scripts/check_environments.py

check-wheel: $(VENV)/.ready  ## build wheel and sdist, install the wheel by itself and use its commands in empty folders (minutes, downloads)
	$(BIN)/python scripts/check_wheel.py

clean:             ## remove the environment and caches; keep data/ and outputs/
	rm -rf $(VENV) *.egg-info build .pytest_cache
