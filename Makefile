# The commands of the project. Every target sets up what it needs; all are safe to repeat.
.PHONY: setup demo test lint bench gpu-check plasim-smoke install
PREFIX ?= $(CURDIR)/build/install
RUN = PATH="$(CURDIR)/.venv/bin:$$PATH"

setup:
	@.ci/setup

demo: setup
	@$(RUN) .venv/bin/python examples/01_radiation/demo.py

test: setup lint
	@$(RUN) .venv/bin/python -m pytest tests -n 2

lint: setup
	@$(RUN) ruff check . && $(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) lint-imports
	@$(RUN) clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' '*.cpp' '*.hpp')
	@$(RUN) fortitude check fortran

bench: setup
	@$(RUN) cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
	@$(RUN) cmake --build build/bench --target bench_runtime
	@$(RUN) .venv/bin/python benchmarks/bench_runtime.py --program build/bench/bin/bench_runtime --json build/bench.json

# Needs no setup: on a GPU machine it may have to do with a bundle that was prepared elsewhere.
gpu-check:
	@$(RUN) python3 benchmarks/gpu/gpu_check.py

# Ten days of PlaSim in each mode, with stand-ins for the emulators; the report is build/plasim-smoke/report/report.html.
plasim-smoke: setup
	@$(RUN) .venv/bin/python examples/plasim/smoke.py --output build/plasim-smoke

install: setup
	@$(RUN) cmake -S . -B build/install-tree -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@$(RUN) cmake --build build/install-tree --target install
