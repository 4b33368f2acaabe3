"""What can go wrong between the client and the service.

ServiceError
├── NoServiceError      nothing answers there, or what answers is broken
└── RefusedError        the service says no, and why
"""

from __future__ import annotations

from collections.abc import Sequence

from wsmis_core.errors import Problem, ServiceError

__all__ = ["NoServiceError", "RefusedError"]


class NoServiceError(ServiceError):
    """No service answers at the address, or only with a server's error."""

    reason = "no_service"


class RefusedError(ServiceError):
    """The service refuses a call; ``status`` is the HTTP status."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        field: str | None = None,
        remedy: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message, field=field, remedy=remedy, problems=problems)
        self.status = status
