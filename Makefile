# Two commands: `make run` starts everything, `make test` proves it. Needs Python 3.11 to 3.13 and make, nothing else.

VENV ?= .venv
# The first Python that fits, 3.13 last: it has no wheel that carries Redis. Override with PYTHON=/path/to/python3.12.
FITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
ifndef PYTHON
PYTHON := $(shell for p in python3.12 python3.11 python3 python3.13 python; do \
	$$p $(FITS) 2>/dev/null && echo $$p && break; done)
endif
PY := $(VENV)/bin/python
ARGS ?=

# `platform/` is an import root beside the checkout's own; every process gets both.
export PYTHONPATH := $(CURDIR):$(CURDIR)/platform
LAUNCH = exec $(PY) -m launch

.DEFAULT_GOAL := help
.PHONY: help run worker down status logs doctor test test-slow check lint types contracts contract test-sdks deploy-check migrations-check layout \
	bench chaos replay lock seed css env-run env-dev python

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

python:
	@$(or $(PYTHON),false) $(FITS) 2>/dev/null || { \
		echo "error: Python 3.11 to 3.13 is needed, and '$(PYTHON)' is not one; set PYTHON=/path/to/python3.12." >&2; exit 10; }

env-run: python
	@$(PYTHON) -I platform/launch/bootstrap.py "$(VENV)" run

env-dev: python
	@$(PYTHON) -I platform/launch/bootstrap.py "$(VENV)" dev

run: env-run ## install, start everything, print one screen with the URLs and the demo logins
	@$(LAUNCH) run

worker: env-run ## execution workers of SHARD=n on this machine, for an installation elsewhere (DATABASE_URL, REDIS_URL)
	@$(LAUNCH) worker

down: env-run ## stop everything of this STATE_DIR, from any terminal
	@$(LAUNCH) down

status: env-run ## every process: state, pid, uptime, memory, CPU
	@$(LAUNCH) status

logs: env-run ## follow all logs (ARGS=web for one)
	@$(LAUNCH) logs $(ARGS)

doctor: env-run ## say what is wrong with this machine or this installation
	@$(LAUNCH) doctor

seed: env-run ## seed the demo again into the running installation
	@$(LAUNCH) seed

test: env-dev ## every test but the slow ones, on throw-away Postgres and Redis (ARGS='-k wave' to choose)
	@echo "Every test but those marked slow (minutes each): make test-slow runs them."
	@$(LAUNCH) test -- -p tests.parallel -n auto -m "not slow" $(ARGS)

test-slow: env-dev ## the slow tests: the replayed day, chaos, two hosts
	@$(LAUNCH) test -- -m slow $(ARGS)

check: env-dev ## lint, types, import contracts, deployment check, missing migrations, layout
	@$(LAUNCH) check

lint: env-dev ## ruff: rules and format
	@$(LAUNCH) check lint format

types: env-dev ## mypy, strict
	@$(LAUNCH) check types

contracts: env-dev ## who may import whom
	@$(LAUNCH) check contracts

test-sdks: env-dev ## every broker's SDK, in its own locked environment, does a customer's day (ARGS=kiteconnect)
	@exec $(PY) -m tests.sdk $(ARGS)

contract: env-dev ## every broker against the numbered contract, and the table of brokers by cases (ARGS='-k zerodha')
	@exec $(PY) -m tests.brokers.contract $(ARGS)

bench: env-dev ## the benchmark table (see tests/bench)
	@exec $(PY) -m tests.bench $(ARGS)

chaos: env-dev ## the platform under fire (SEED=7 MINUTES=5 SCENARIO=all SIGNALS=100 BROKERS=random)
	@exec $(PY) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(SIGNALS),--signals $(SIGNALS)) \
		$(if $(BROKERS),--brokers $(BROKERS)) $(ARGS)

replay: env-dev ## replay the recorded day through the real processes and print the table
	@exec $(PY) -m tests.replay $(ARGS)

lock: env-dev ## lock requirements/*.in for Python 3.11 to 3.13, with hashes
	@for name in base embedded dev uv redis-source; do \
		uv=$$(command -v uv || echo $(VENV)/bin/uv); \
		$$uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
			requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done
	@for sdk in tests/sdk/*/requirements.in; do \
		uv=$$(command -v uv || echo $(VENV)/bin/uv); \
		$$uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
			$$sdk --output-file $${sdk%.in}.txt || exit 1; done

css: ## rebuild the committed stylesheet and vendored files (for developers: the only step that needs node)
	@npm ci --silent && npm run --silent build
