# The commands to know: `make demo` restores images with chapter 3, `make lab` opens all chapters, `make test` checks that
# all is well.
# Each makes the environment .venv first if it is missing or outdated, from python3 or from another Python:
# make demo PYTHON=python3.12 (remove .venv first to change it later).

PYTHON ?= python3
TABLE ?= losses
CORES ?= all
READY := .venv/.ready

.PHONY: demo lab test test-slow book lint bench bench-peers sweep offline address

demo: $(READY)  ## train and restore with chapter 03 on the embedded example, in minutes
	.venv/bin/python -m l2l_utils.execute 03_label2label --profile book

lab: $(READY)  ## open the chapters in JupyterLab, in the browser
	.venv/bin/jupyter lab notebooks

test: $(READY)  ## unit tests, and every chapter at its smallest size
	.venv/bin/pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(READY) .venv-workflow/.ready .venv-bioimageio/.ready  ## tests that kill runs, start many at once, or look at the book in a browser
	.venv/bin/pytest -n 2 --dist loadfile -m slow

book: $(READY)  ## execute the chapters that changed and build the HTML book; killed, it goes on when called again
	.venv/bin/python book/build.py --profile book

lint: $(READY)  ## code style, and notebooks committed without outputs
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	find notebooks -name '*.ipynb' -exec .venv/bin/nbstripout --verify --keep-id {} +

bench: $(READY)  ## measure speed and memory against stock CSBDeep, and write the tables of benchmarks/README.md
	.venv/bin/python benchmarks/run.py

bench-peers: $(READY) .venv-peers/.ready  ## the same for CAREamics, in an environment of its own
	.venv/bin/python benchmarks/run.py bench_peers.py

sweep: $(READY) .venv-workflow/.ready  ## every run of workflow/losses.csv, up to two hours, then results/; or TABLE=unpaired and so on
	.venv-workflow/bin/snakemake --cores $(CORES) --config table=$(TABLE)

offline: $(READY)  ## collect in build/offline all that a machine without a network needs: packages, chapters, data
	containers/offline.sh

address: $(READY)  ## write the book's public address: make address REPO=owner/name
	.venv/bin/python book/address.py $(REPO)

# The stamp is written last, so an installation that was interrupted is taken up again.
$(READY): requirements.txt pyproject.toml | .venv/bin/pip
	@echo "Installing the book's packages into .venv: some minutes, and about 3 GB."
	.venv/bin/python -m pip install --quiet --requirement requirements.txt
	.venv/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

.venv-peers/.ready: requirements-peers.txt | .venv/bin/pip
	.venv/bin/python -m venv --clear .venv-peers
	.venv-peers/bin/python -m pip install --quiet --requirement requirements-peers.txt
	.venv-peers/bin/python -m pip install --quiet --no-deps careamics==0.3.5 torchvision==0.28.0
	@touch $@

.venv-workflow/.ready: requirements-workflow.txt | .venv/bin/pip
	.venv/bin/python -m venv --clear .venv-workflow
	.venv-workflow/bin/python -m pip install --quiet --requirement requirements-workflow.txt
	@touch $@

.venv-bioimageio/.ready: requirements-bioimageio.txt | .venv/bin/pip
	.venv/bin/python -m venv --clear .venv-bioimageio
	.venv-bioimageio/bin/python -m pip install --quiet --requirement requirements-bioimageio.txt
	@touch $@

.venv/bin/pip:
	@command -v "$(PYTHON)" > /dev/null || { echo "Error: there is no '$(PYTHON)' here." \
	    "Install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv)," \
	    "or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "Error: the book needs Python 3.11, 3.12 or 3.13, but '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1)." \
	    "Install one of these, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || { echo "Error: '$(PYTHON)' cannot make environments." \
	    "Install its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	"$(PYTHON)" -m venv --clear .venv
