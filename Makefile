# Everything is started here. Python 3.11 or newer with venv is all that must be there: the rest is installed into .venv,
# in exactly the versions of the locks.

PYTHON ?= python3
UV ?= uv

export PIP_DISABLE_PIP_VERSION_CHECK = 1

GRAPHIQL = api/transport/static/index.html

.PHONY: run test check bench lock explorer
.NOTPARALLEL:

run: .venv/requirements.lock $(GRAPHIQL)
	.venv/bin/lucid serve --demo

# A process for each core, each with a PostgreSQL of its own; the files in their order, as the quick ones come last.
test: .venv/requirements-dev.lock $(GRAPHIQL)
	.venv/bin/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

check: .venv/requirements-dev.lock
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy api tests
	.venv/bin/lint-imports
	.venv/bin/python -m pip check
	.venv/bin/lucid schema --check

# Side by side with the peers, into docs/performance.md; bench/README.md says more. It wants a quiet machine for an hour.
ITEMS = R1 R2 R3 W1 W2a W2b
ROUNDS = 5
ACTIONS = 2000000
bench: .venv/requirements-dev.lock
	@command -v wrk >/dev/null || { command -v apt-get >/dev/null && apt-get install --yes wrk; } || { echo \
		"The bench needs wrk: install it first (Debian: apt-get install wrk)" >&2; exit 1; }
	.venv/bin/python -m bench.race --items $(ITEMS) --rounds $(ROUNDS) --actions $(ACTIONS) --fresh --report

# GraphiQL, the page for trying the API. `run` and `test` build it where it is missing or older than its sources; without
# npm, or when the build fails, they say so in a line and go on: the API then serves a page that says `make explorer`.
explorer:
	cd explorer && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --fetch-retries=1; }
	cd explorer && npm run build

$(GRAPHIQL): $(wildcard explorer/*.* explorer/src/*.* explorer/src/examples/*)
	@mkdir -p var && $(MAKE) explorer >var/explorer.log 2>&1 \
		|| echo "GraphiQL is not built: it needs npm with Node 20.19 or newer; var/explorer.log says what is missing."

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
