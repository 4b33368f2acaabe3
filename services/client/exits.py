"""The exit statuses of `wsmis`, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from services.client.errors import NoServiceError
from wsmis_core.errors import WsmisError

__all__ = ["ExitStatus", "exit_status"]


class ExitStatus(IntEnum):
    """What a script can tell apart."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    NO_SERVICE = 3
    INTERRUPTED = 130


def exit_status(error: WsmisError) -> ExitStatus:
    """No service, or wrong use: a job's own failure is not an error of the call."""
    return ExitStatus.NO_SERVICE if isinstance(error, NoServiceError) else ExitStatus.WRONG_USE
