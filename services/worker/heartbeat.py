"""Keeps an attempt's lease, and writes its results, through outages of the database."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from services.jobs import Claim, Database, renew

__all__ = ["OUTAGE", "Heartbeat"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[Session], T]

# What a database says that is down, unreachable or locked: the job goes on, and asks again.
OUTAGE = (OperationalError, InterfaceError, PoolTimeout)

_LONGEST_SECONDS = 2.0  # between two looks at the cancel flag
_BACKOFF = (0.2, 5.0)  # seconds: the first pause after a failed write, and the longest


class Heartbeat:
    """The lease of ``claim``. Its methods raise Fenced once another attempt has the job."""

    def __init__(
        self, database: Database, claim: Claim, *, lease_seconds: float, patience: Callable[[], float]
    ) -> None:
        self._database = database
        self._claim = claim
        self._lease_seconds = lease_seconds
        self._patience = patience
        self._interval = min(_LONGEST_SECONDS, lease_seconds / 4)
        self._due = 0.0
        self.cancelled = False

    def beat(self) -> None:
        """Renew the lease if it is time, and learn whether the job is to be cancelled."""
        if time.monotonic() >= self._due:
            self.attempt(self._renewal)
            self._due = time.monotonic() + self._interval

    def confirm(self) -> None:
        """Renew the lease now, however long the database takes: the claim holds when this returns."""
        self.insist(self._renewal)

    def attempt(self, write: Write[object]) -> bool:
        """Whether ``write`` could be committed; if the database is out, the log says so."""
        try:
            self._committed(write)
        except OUTAGE as error:
            logger.warning("the database does not answer, the job goes on: %s", error.args[0])
            return False
        return True

    def insist(self, write: Write[T]) -> T:
        """What ``write`` returns, tried until it is committed; raises the outage's error once that has taken
        more than ``patience()`` seconds.
        """
        begun = time.monotonic()
        pause, longest = _BACKOFF
        while True:
            try:
                return self._committed(write)
            except OUTAGE as error:
                if time.monotonic() - begun > self._patience():
                    raise
                logger.warning("the database does not answer, once more in %.1f s: %s", pause, error.args[0])
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def _committed(self, write: Write[T]) -> T:
        with self._database.writing() as session:
            return write(session)

    def _renewal(self, session: Session) -> None:
        self.cancelled = renew(session, self._claim, self._lease_seconds)
