# Everything is started here. Python 3.11 or newer with venv is all that must be there: the rest is installed into .venv,
# in exactly the versions of the locks.

PYTHON ?= python3
UV ?= uv

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test check lock
.NOTPARALLEL:

run: .venv/requirements.lock
	.venv/bin/lucid serve --demo

test: .venv/requirements-dev.lock
	.venv/bin/python -m pytest

check: .venv/requirements-dev.lock
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy api tests
	.venv/bin/lint-imports
	.venv/bin/python -m pip check
	.venv/bin/lucid schema --check

# For maintainers, with uv: take in what pyproject.toml says now; `make lock UPGRADE=--upgrade` moves all to the newest.
# setuptools is locked too, as it installs the project itself.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE)
lock:
	echo 'setuptools>=80' | $(COMPILE) --output-file requirements.lock pyproject.toml -
	echo 'setuptools>=80' | $(COMPILE) --output-file requirements-dev.lock --constraint requirements.lock \
		--group dev pyproject.toml -

# .venv keeps a copy of each lock that it has installed: as long as the copy is the same, there is nothing to do.
# It is made anew when a lock changed or an installation broke off. Packages are only ever added to a complete one,
# so `make test` does not disturb a server that `make run` started.
.venv/%.lock: %.lock
	@cmp -s $< $@ && touch $@ || $(MAKE) --no-print-directory install LOCK=$<

.PHONY: install
LOCK ?= requirements.lock
install:
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		"Lucid needs Python 3.11 or newer with venv, and $(PYTHON) is not: name another, as in make PYTHON=python3.12" \
		>&2; exit 1; }
	test .venv/complete -nt $(LOCK) || { $(PYTHON) -m venv --clear .venv && echo "$(CURDIR)" >.venv/home; }
	rm -f .venv/complete
	.venv/bin/python -m pip install --require-hashes --requirement $(LOCK)
	.venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
	touch .venv/complete && cp $(LOCK) .venv/

# The programs in .venv name the folder they are in, and need the Python that made it: if either is gone, begin again.
$(shell test -x .venv/bin/python && test "`cat .venv/home 2>&1`" = "$(CURDIR)" || rm -f .venv/complete .venv/*.lock)
