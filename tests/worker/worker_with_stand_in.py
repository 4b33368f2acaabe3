"""The real worker program; only the command that starts the ranks is another."""

import sys
from pathlib import Path

from services.jobs import configure_log
from services.worker.program import run_worker
from services.worker.settings import WorkerSettings

RANKS = Path(__file__).with_name("stand_in_ranks.py")

if __name__ == "__main__":
    configure_log()
    run_worker(
        WorkerSettings.from_environment(), ranks=lambda folder, _: [sys.executable, str(RANKS), str(folder)]
    )
