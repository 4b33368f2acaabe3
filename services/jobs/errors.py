"""What the job service refuses.

ServiceError
├── NotFound            no such thing
├── Conflict            the thing's state does not allow it
│   ├── Stale           the row has changed since it was read
│   └── Fenced          the attempt has lost its lease: nothing that it writes is taken
├── Unauthorized        no key, or not a known one
├── Forbidden           the key lacks the scope
└── NotConfigured       the service's own environment is wrong
"""

from __future__ import annotations

from wsmis_core.errors import ServiceError

__all__ = ["Conflict", "Fenced", "Forbidden", "NotConfigured", "NotFound", "Stale", "Unauthorized"]


class NotFound(ServiceError):  # noqa: N818 - named as HTTP and the queue name it
    """There is no such thing."""

    reason = "not_found"


class Conflict(ServiceError):  # noqa: N818 - named as HTTP and the queue name it
    """The state of a thing does not allow what was asked."""

    reason = "conflict"


class Stale(Conflict):
    """The row has changed since it was read."""

    reason = "stale"


class Fenced(Conflict):
    """The attempt has lost its lease to another, so nothing that it writes is taken."""

    reason = "fenced"


class Unauthorized(ServiceError):  # noqa: N818 - named as HTTP and the queue name it
    """There is no API key, or not a known one."""

    reason = "unauthorized"


class Forbidden(ServiceError):  # noqa: N818 - named as HTTP and the queue name it
    """The API key lacks the scope."""

    reason = "forbidden"


class NotConfigured(ServiceError):  # noqa: N818 - named as HTTP and the queue name it
    """The service's environment is wrong."""

    reason = "not_configured"
