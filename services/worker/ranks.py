"""The processes of an attempt, from torchrun's start to the last descendant's end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from services.parent_death import die_with_parent
from services.worker.labels import Label, sweep
from wsmis_core.spec import TORCHRUN_FOLDER

__all__ = ["Ranks", "RanksCommand", "environment", "torchrun"]

logger = logging.getLogger(__name__)

RanksCommand = Callable[[Path, int], Sequence[str]]

_SECRETS = ("WSMIS_DATABASE_URL", "WSMIS_REDIS_URL", "WSMIS_API_KEY", "PGPASSWORD")  # no rank needs them
# Idle OpenMP threads spin for microseconds, then sleep: beside other work on the cores, the default's
# milliseconds made training 5 to 10 times slower, and sleeping at once doubles the time of small operations.
_THREADS_THAT_WAIT = {"GOMP_SPINCOUNT": "10000"}
_KEEPER_SECONDS = 40.0  # the keeper itself gives up on what cannot be killed after 30 s


def torchrun(run_folder: Path, processes: int) -> list[str]:
    """The command that starts ``processes`` ranks on ``run_folder``."""
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--standalone", f"--nproc-per-node={processes}", "--max-restarts=0"),
        f"--log-dir={run_folder / TORCHRUN_FOLDER}",
        *("-m", "wsmis_core", str(run_folder)),
    ]


def environment(
    label: Label, *, gpus: Sequence[str], shutdown_seconds: float, base: Mapping[str, str]
) -> dict[str, str]:
    """``base`` without the service's secrets, with the attempt's label and its GPUs by UUID.

    torchrun gives ranks ``shutdown_seconds`` to end in order.
    """
    return {
        **_THREADS_THAT_WAIT,
        **{name: value for name, value in base.items() if name not in _SECRETS},
        **label.environment(),
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
        "PYTHONUNBUFFERED": "1",
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(int(shutdown_seconds)),
    }


class Ranks:
    """A running command under its keeper. Leaving the context kills all that is left of it."""

    def __init__(
        self, command: Sequence[str], *, label: Label, variables: Mapping[str, str], log: Path
    ) -> None:
        self._label = label
        self._killed = False
        with log.open("ab") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "services.worker.keeper", str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                start_new_session=True,
                # SIGHUP makes the keeper kill its tree; before it can, it has none, and dies of it.
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGHUP),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def ended(self, seconds: float) -> bool:
        """Whether the command has ended; waits ``seconds`` for it at most."""
        try:
            self._keeper.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def exit_code(self) -> int | None:
        """The command's exit status, or minus the signal that ended it; None while it runs."""
        code = self._keeper.poll()
        return 128 - code if code is not None and code > 128 else code

    def terminate(self) -> None:
        """Ask for an orderly end."""
        self._keeper.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill every process of the attempt, wherever it has moved; once is enough."""
        if self._killed:
            return
        self._keeper.send_signal(signal.SIGHUP)
        if not self.ended(_KEEPER_SECONDS):
            self._keeper.kill()
            self._keeper.wait()
        sweep(Path(self._label.home), self._is_own)
        self._killed = True

    def _is_own(self, _process: psutil.Process, label: Label) -> bool:
        return label == self._label
