"""`python -m services.worker`: the worker, or with `reconcile` the reconciler."""

from __future__ import annotations

import argparse
import sys

from services.jobs import configure_log
from services.worker.program import run_worker
from services.worker.reconciler import run_reconciler
from services.worker.settings import WorkerSettings
from wsmis_core.errors import WsmisError

WRONG_USE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two until SIGTERM; the exit status is 2 for a wrong environment."""
    parser = argparse.ArgumentParser(prog="python -m services.worker")
    parser.add_argument("program", nargs="?", choices=["work", "reconcile"], default="work")
    program = parser.parse_args(arguments).program
    configure_log()
    try:
        settings = WorkerSettings.from_environment()
        if program == "reconcile":
            run_reconciler(settings)
        else:
            run_worker(settings)
    except WsmisError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    return 0


if __name__ == "__main__":
    sys.exit(main())
