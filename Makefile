# Two commands set everything up on a machine with Python 3.11: make demo, make test.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DEMO := .venv-demo
DEV := .venv
BUILDER ?= docker
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow test-pythons coverage lint docs format image release rehearsal clean

demo: $(DEMO)/ready ## train on generated messages, show what the model looked at
	$(DEMO)/bin/regard demo --out demo

test: $(DEV)/ready ## the suite on JAX, and its backend part on TensorFlow and PyTorch
	$(DEV)/bin/python scripts/test.py

test-slow: $(DEV)/ready ## what takes longer than the everyday suite allows
	KERAS_BACKEND=jax $(DEV)/bin/python -m pytest -m slow

test-pythons: $(DEV)/ready ## install as documented on each Python there is, and a quick part of the suite
	$(DEV)/bin/python scripts/pythons.py

coverage: $(DEV)/ready ## lines and branches of src that the suite runs, on all backends
	$(DEV)/bin/coverage erase
	$(DEV)/bin/python scripts/test.py --cov --cov-append --cov-report=
	$(DEV)/bin/coverage report --skip-covered

lint: $(DEV)/ready ## style and types
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy

docs: $(DEV)/ready ## the site, as build/site/index.html; a warning is an error
	$(DEV)/bin/python -m sphinx -W --keep-going --quiet -c docs -d build/doctrees . build/site

image: ## the service as an image; needs docker, or BUILDER=podman
	$(BUILDER) build --build-arg REVISION=$$(git rev-parse HEAD) -t regard .

release: $(DEV)/ready ## build, check and try a release; publishes nothing
	$(DEV)/bin/python scripts/release.py

rehearsal: $(DEV)/ready ## the same, whatever the tree and the changelog say
	$(DEV)/bin/python scripts/release.py --rehearse

format: $(DEV)/ready
	$(DEV)/bin/ruff check --fix
	$(DEV)/bin/ruff format

$(DEMO)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python $(INSTALL) -e ".[tasks]"
	touch $@

# PyTorch comes first, so that no other package pulls another build of it. Dependency
# groups need a newer pip than Python 3.11 brings.
$(DEV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(DEV)
	$(DEV)/bin/python $(INSTALL) "pip>=25.1"
	$(DEV)/bin/python $(INSTALL) torch==2.13.0
	$(DEV)/bin/python $(INSTALL) -e ".[all,export,keras-hub,mlflow,tensorboard,tensorflow,torch]" --group dev
	touch $@

clean:
	rm -rf $(DEMO) $(DEV) demo build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/reference
