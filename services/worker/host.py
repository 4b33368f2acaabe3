"""What this host can run at once: job slots and GPUs, kept by file locks among all its processes."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.jobs import Claim
from services.worker.gpus import Gpu, problem
from services.worker.locks import FileLock, waiting_lock

__all__ = ["Host", "Placed"]

logger = logging.getLogger(__name__)

ClaimNext = Callable[[int, int], Claim | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A claimed job, and the GPUs that are locked for it."""

    claim: Claim
    gpus: tuple[Gpu, ...]


class Host:
    """The slots and GPUs of this host.

    A GPU's lock is named by its UUID, so that containers which share the home share it too;
    slots are the host's own.
    """

    def __init__(self, home: Path, *, gpus: Sequence[Gpu], slots: int | None = None) -> None:
        self.gpus = tuple(gpus)
        self.slots = slots or max(1, len(self.gpus))
        self._locks = home / "locks"
        self._own_locks = self._locks / socket.gethostname()

    def take_slot(self) -> FileLock | None:
        """A free slot, or None."""
        paths = (self._own_locks / f"slot-{number}.lock" for number in range(self.slots))
        return next((lock for path in paths if (lock := FileLock.try_acquire(path)) is not None), None)

    @contextmanager
    def placed(self, claim_next: ClaimNext) -> Iterator[Placed | None]:
        """The job that ``claim_next`` takes, its GPUs locked until the end of the context.

        ``claim_next`` is called with the numbers of the free and of all GPUs. One process of
        the host at a time claims, so that none sees GPUs as taken that another is about to
        give back.
        """
        held: list[tuple[Gpu, FileLock]] = []
        try:
            with waiting_lock(self._own_locks / "placement.lock"):
                held += self._free_gpus()
                claim = claim_next(len(held), len(self.gpus))
                granted = 0 if claim is None else claim.gpus
                while len(held) > granted:
                    held.pop()[1].release()
            yield None if claim is None else Placed(claim, tuple(gpu for gpu, _ in held))
        finally:
            for _, lock in held:
                lock.release()

    def _free_gpus(self) -> Iterator[tuple[Gpu, FileLock]]:
        for gpu in self.gpus:
            if (trouble := problem(gpu)) is not None:
                logger.error("GPU %d (%s) is left out: %s", gpu.index, gpu.uuid, trouble)
            elif (lock := FileLock.try_acquire(self._locks / f"{gpu.uuid}.lock")) is not None:
                yield gpu, lock
