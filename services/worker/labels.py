"""The label that every process of an attempt carries in its environment, and the sweep by it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

__all__ = ["Label", "is_orphan", "labelled", "sweep"]

logger = logging.getLogger(__name__)

ATTEMPT = "WSMIS_ATTEMPT"
SUPERVISOR = "WSMIS_SUPERVISOR"
HOME = "WSMIS_HOME"


@dataclass(frozen=True, slots=True)
class Label:
    """Which attempt a process works for, of which home, and under which supervisor."""

    job: str
    attempt: int
    token: int
    supervisor: int
    home: str

    def environment(self) -> dict[str, str]:
        """The variables that carry the label."""
        return {
            ATTEMPT: f"{self.job}/{self.attempt}/{self.token}",
            SUPERVISOR: str(self.supervisor),
            HOME: self.home,
        }

    @classmethod
    def of(cls, process: psutil.Process) -> Self | None:
        """The label of ``process``; None where there is none, or it is not ours to read."""
        try:
            variables = process.environ()
            job, attempt, token = variables[ATTEMPT].split("/")
            return cls(job, int(attempt), int(token), int(variables[SUPERVISOR]), variables[HOME])
        except (psutil.Error, OSError, KeyError, ValueError):
            return None


def labelled(home: Path) -> Iterator[tuple[psutil.Process, Label]]:
    """The processes of all attempts of this ``home``, this one and other PID namespaces left out.

    Seen from a host, the pids in a container's labels mean nothing; its worker sweeps them.
    """
    namespace = _pid_namespace(os.getpid())
    for process in psutil.process_iter():
        label = Label.of(process)
        if (
            label is not None
            and label.home == str(home)
            and process.pid != os.getpid()
            and _pid_namespace(process.pid) == namespace
        ):
            yield process, label


def is_orphan(process: psutil.Process, label: Label) -> bool:
    """Whether the supervisor in ``label`` is not among the ancestors of ``process``.

    The keeper takes in every orphan below a live supervisor, so that a process outside its
    tree has lost it. A pid that was given out anew is no ancestor.
    """
    try:
        return all(parent.pid != label.supervisor for parent in process.parents())
    except psutil.Error:
        return False


def sweep(
    home: Path, stray: Callable[[psutil.Process, Label], bool], *, seconds: float = 10.0
) -> list[tuple[int, Label]]:
    """Kill the labelled processes that ``stray`` picks until none is left; returns those killed.

    What outlives ``seconds`` is in uninterruptible sleep; it is logged and left.
    """
    killed: dict[int, Label] = {}
    end = time.monotonic() + seconds
    while found := [(process, label) for process, label in labelled(home) if stray(process, label)]:
        if time.monotonic() > end:
            for process, label in found:
                logger.error("process %d of %s/%d cannot be killed", process.pid, label.job, label.attempt)
            break
        for process, label in found:
            killed[process.pid] = label
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs([process for process, _ in found], timeout=0.2)
    for pid, label in killed.items():
        logger.warning("killed stray process %d of %s, attempt %d", pid, label.job, label.attempt)
    return list(killed.items())


def _pid_namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None
