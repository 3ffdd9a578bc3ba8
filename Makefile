# make demo   sets up and runs the main job          make test    sets up and runs lint and all tests
# make bench  measures, side by side                  make docs    builds the documentation
# make check-sagemaker  runs the plugin's tests with the other supported line of the SageMaker SDK
#
# TORCH_INDEX=URL  takes torch from another index, for example PyTorch's own of CPU wheels, which are much smaller
# PYTHON=python3.11  chooses the interpreter (3.10, 3.11 or 3.12)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SOURCES := src plugins tests examples benchmarks scripts

.PHONY: demo test coverage lint slow-test bench docs lock check-extras check-sagemaker clean

demo: $(VENV)/.demo
	$(BIN)/llmops run examples/quickstart.yaml

test: lint
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

# Apart from `test`, which counting lines would slow down.
coverage: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff format --check -q $(SOURCES)
	$(BIN)/ruff check -q $(SOURCES)
	$(BIN)/lint-imports > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	$(BIN)/mypy src plugins tests

slow-test: $(VENV)/.test
	$(BIN)/python -m pytest -m slow -n auto --dist loadfile $(PYTEST_ARGS)

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict -q

lock: $(VENV)/.test
	{ sed -n 1p constraints.txt; $(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 \
	  --no-header --no-annotate --no-emit-index-url --upgrade -q; } > constraints.new
	mv constraints.new constraints.txt

check-extras: $(VENV)/.test
	$(BIN)/python scripts/check_extras.py

# The other line of the SageMaker SDK, on top of what is installed: its pickles differ from those of 2.253.
SAGEMAKER ?= 2.257.7

check-sagemaker: $(VENV)/sagemaker-$(SAGEMAKER)/.ready
	$(VENV)/sagemaker-$(SAGEMAKER)/bin/python -m pytest -q -n auto --dist loadfile tests/plugins/sagemaker $(PYTEST_ARGS)
	$(VENV)/sagemaker-$(SAGEMAKER)/bin/python -m pytest -q -m slow tests/plugins/sagemaker/test_rehearsal.py -k installed $(PYTEST_ARGS)

$(VENV)/sagemaker-$(SAGEMAKER)/.ready: $(VENV)/.test
	$(PYTHON) -m venv $(@D)
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
	  > $$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/of-the-tests.pth
	$(@D)/bin/python -m pip install --disable-pip-version-check -q --no-deps 'sagemaker==$(SAGEMAKER)'
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' || \
	  { echo "llmops-sdk is tested on Python 3.10-3.12, and $(PYTHON) is $$($(PYTHON) --version 2>&1); choose one with PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes, once)"
	$(PIP) -e '.[local,metrics]'
	@touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml constraints.txt
	@echo "setting up $(VENV) for the tests (a few minutes, once)"
	$(PIP) -e '.[all,dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache site
