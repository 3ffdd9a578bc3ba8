# `make` lists the targets. Settings, each as NAME=VALUE after the target:
#   PYTHON=python3.11    the interpreter of the environment (3.10 to 3.13)
#   TORCH_INDEX=URL      another index for torch, for example PyTorch's own of CPU wheels, which are much smaller
#   PYTEST_ARGS="-k x"   further arguments for pytest

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SOURCES := src plugins tests examples benchmarks scripts

# Some images set it, and every process would compile all modules again: half of what collecting the tests takes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test fix lint coverage slow-test simulate rare-test docs docs-write bench lock notebooks check-extras check-importers check-pythons check-sagemaker check-transformers llama-cpp clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-16s %s\n' "$$target" "$$text"; done

demo: $(VENV)/.demo ## Set up the environment and run the quickstart example: fine-tune, evaluate, report
	$(BIN)/llmops run examples/quickstart.yaml

test: lint ## Set up the environment, then lint and run all tests except the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile --durations=25 $(PYTEST_ARGS)

# A target of its own, because counting lines slows the tests down.
coverage: $(VENV)/.test ## Run the tests and show which lines they miss
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

fix: $(VENV)/.test ## Format the code and fix what ruff can fix
	$(BIN)/ruff format -q $(SOURCES)
	$(BIN)/ruff check -q --fix $(SOURCES)

lint: $(VENV)/.test ## Check format, code, imports, types, spelling and prose
	$(BIN)/ruff format --check -q $(SOURCES)
	$(BIN)/ruff check -q $(SOURCES)
	$(BIN)/lint-imports > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	$(BIN)/mypy -n auto src plugins tests benchmarks scripts
	$(BIN)/codespell $(SOURCES) docs skills .ci *.md *.txt *.toml *.yml Makefile
	$(BIN)/python scripts/check_prose.py

slow-test: $(VENV)/.test ## Run the slow tests: FMEval, real installations, killed runs, faults of AWS
	$(BIN)/python -m pytest -m slow -n auto --dist loadfile --durations=25 $(PYTEST_ARGS)

rare-test: $(VENV)/.test ## Run the tests that CI leaves out, before a release: every algorithm of FMEval, the longest kill tests
	$(BIN)/python -m pytest -m rare -n auto --dist loadfile --durations=25 $(PYTEST_ARGS)

simulate: $(VENV)/.test ## Simulate how often a verdict, a gate and a judge are wrong (about 35 minutes on two cores); SIMULATE_ARGS=--write updates the docs
	$(BIN)/python benchmarks/false_claims.py $(SIMULATE_ARGS)
	$(BIN)/python benchmarks/gate_claims.py $(SIMULATE_ARGS)
	$(BIN)/python benchmarks/judge_claims.py $(SIMULATE_ARGS)

bench: $(VENV)/.test ## Measure side by side with other tools; BENCH_ARGS=--write updates docs/benchmarks.md
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

docs: $(VENV)/.docs ## Build the documentation into site/ and fail on a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-write: $(VENV)/.docs ## Write the generated parts of the documentation again: reference pages and included files
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/cli_reference.py

notebooks: $(VENV)/.test ## Run the notebooks of the examples, and write their outputs into them
	$(BIN)/python scripts/notebooks.py

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.10 --no-header --no-annotate --no-emit-index-url \
  --upgrade -q
FMEVAL_LOCK := plugins/llmops_plugins/fmeval/lock.txt

# FMEval has a lock of its own: its pins rule out today's versions of other packages.
lock: $(VENV)/.test ## Update constraints.txt and FMEval's lock to the newest versions that resolve
	{ sed -n 1p constraints.txt; $(COMPILE) --extra all --extra rehearsal --extra dev --extra docs; } > constraints.new
	mv constraints.new constraints.txt
	{ sed -n 1p $(FMEVAL_LOCK); $(COMPILE) --extra fmeval; } > lock.new
	mv lock.new $(FMEVAL_LOCK)

check-extras: $(VENV)/.test ## Resolve every extra for every Python, and install and import each
	$(BIN)/python scripts/check_extras.py

check-pythons: $(VENV)/.test ## Build wheel and sdist, install both in Python 3.10 to 3.13, without torch, and use them
	$(BIN)/python scripts/check_pythons.py

# The environments stay in $(VENV)/importers: a later run installs only what is newer.
check-importers: $(VENV)/.test ## Install lm-eval, Inspect, promptfoo, MLflow and FMEval, and import what they write
	$(BIN)/python scripts/check_importers.py $(VENV)/importers $(PYTEST_ARGS)

# The other lines of the SageMaker SDK: none reads the pickles of another. `.ci/run` runs the whole suite of the plugin with
# 2.257, in `make test`, and here what is marked `sdk`: pickles, compiling, the entry point of steps, one rehearsal.
SAGEMAKER_2 := sagemaker==2.253.1
SAGEMAKER_3 := sagemaker==3.27.0 sagemaker-core==2.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0 sagemaker-mlops==1.27.0
SAGEMAKER_MARK ?= not rare and not llama_cpp and not importers
SAGEMAKER_LINES := $(VENV)/sagemaker-2 $(VENV)/sagemaker-3

check-sagemaker: $(addsuffix /.ready,$(SAGEMAKER_LINES)) ## Test the plugin with two other versions of the SageMaker SDK; SAGEMAKER_MARK=sdk: what depends on it
	for line in $(SAGEMAKER_LINES); do \
	  $$line/bin/python -m pytest -q -n auto --dist loadfile -m '$(SAGEMAKER_MARK)' tests/plugins/sagemaker tests/end_to_end/sagemaker \
	    $(PYTEST_ARGS) || exit; done

# The oldest transformers that is supported, with the versions that it needs.
TRANSFORMERS ?= 4.57.6
TRANSFORMERS_NEEDS ?= tokenizers==0.22.2 huggingface-hub==0.36.2

check-transformers: $(VENV)/transformers-$(TRANSFORMERS)/.ready ## Run the tests of local models with the oldest supported transformers
	$(VENV)/transformers-$(TRANSFORMERS)/bin/python -m pytest -q -n auto --dist loadfile tests/plugins/local tests/plugins/_hub \
	  tests/plugins/_weights tests/plugins/metrics/bertscore tests/plugins/metrics/text tests/plugins/metrics/toxicity $(PYTEST_ARGS)

$(VENV)/sagemaker-2/.ready: OTHERS = $(SAGEMAKER_2)
$(VENV)/sagemaker-3/.ready: OTHERS = $(SAGEMAKER_3)
$(VENV)/transformers-$(TRANSFORMERS)/.ready: OTHERS = transformers==$(TRANSFORMERS) $(TRANSFORMERS_NEEDS)
$(VENV)/sagemaker-2/.ready $(VENV)/sagemaker-3/.ready $(VENV)/transformers-$(TRANSFORMERS)/.ready: $(VENV)/.test
	$(BIN)/python scripts/other_versions.py $(@D) $(OTHERS)
	@touch $@

# A target of its own: compiling llama.cpp takes 11 CPU-minutes. Its sources are those that llama-cpp-python ships.
LLAMA_CPP ?= $(VENV)/llama-cpp
LLAMA_CPP_PYTHON := 0.3.36

llama-cpp: $(LLAMA_CPP)/.ready $(VENV)/.test ## Build llama.cpp's server and quantizer, and run the tests that serve SmolLM2 with them, base and fine-tuned
	LLMOPS_LLAMA_CPP=$(abspath $(LLAMA_CPP)) $(BIN)/python -m pytest -q -m llama_cpp tests/end_to_end/test_llama_cpp.py $(PYTEST_ARGS)

$(LLAMA_CPP)/.ready: | $(VENV)/.test
	mkdir -p $(@D)/sources
	$(BIN)/python -m pip download --disable-pip-version-check -q --no-deps --no-binary llama-cpp-python -d $(@D) llama-cpp-python==$(LLAMA_CPP_PYTHON)
	tar xzf $(@D)/llama_cpp_python-$(LLAMA_CPP_PYTHON).tar.gz -C $(@D)/sources --strip-components=1
	$(PIP) sentencepiece
	command -v cmake > /dev/null || $(PIP) cmake
	PATH="$(abspath $(BIN)):$$PATH" cmake -S $(@D)/sources/vendor/llama.cpp -B $(@D)/build -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
	  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DGGML_OPENMP=OFF
	PATH="$(abspath $(BIN)):$$PATH" cmake --build $(@D)/build --target llama-server llama-quantize --parallel
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || \
	  { echo "llmops-sdk is tested on Python 3.10-3.13, and $(PYTHON) is $$($(PYTHON) --version 2>&1); choose one with PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# uv is quicker, but sees neither another index for torch nor pip's own settings; where it fails, pip installs everything. pip would
# compile every module of torch and transformers, one after another; the example needs a part of them.
$(VENV)/.demo: $(VENV)/.python pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes, once)"
	$(PIP) --no-compile torch uv
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[local,metrics]' || $(PIP) --no-compile -e '.[local,metrics]'
	@touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml constraints.txt
	@echo "setting up $(VENV) for the tests (a few minutes, once)"
	$(PIP) torch uv
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[all,dev,docs]' || $(PIP) -e '.[all,dev,docs]'
	@touch $@ $(VENV)/.demo $(VENV)/.docs

$(VENV)/.docs: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	@touch $@

clean: ## Delete the environment, caches and the built documentation
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache site
