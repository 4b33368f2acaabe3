"""What a user can cause, as a tree of exceptions.

    WsmisError
    ├── SpecError           a spec, recipe or request that cannot be run; names the field
    ├── DataError           a data set or one of its files; names the file
    ├── ArtifactError       an input artifact that is missing, incomplete or of the wrong kind
    ├── WeightsError        weights that cannot be fetched, read or matched to a model
    ├── DivergedError       a training whose figures or weights are no longer finite numbers
    ├── ResourceError       more devices, memory, disk or optional libraries asked for than there are
    └── ServiceError        the job service refuses; see its children in services

Every message gives the value, what was expected, and the remedy. What cannot be
is an ``assert``, not one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "ArtifactError",
    "DataError",
    "DivergedError",
    "Problem",
    "ResourceError",
    "ServiceError",
    "SpecError",
    "WeightsError",
    "WsmisError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a dotted field or a file), what, and the remedy."""

    message: str
    field: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        what_to_do = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{what_to_do}"


class WsmisError(Exception):
    """Base of all errors that a user can cause.

    ``message`` says what is wrong with which value, ``field`` the dotted path of the
    offending field or the file, ``remedy`` what to do about it. ``problems`` lists every
    one where there are several; the first is the error's own. ``reason`` is the
    machine-readable name under which a failed job stores the error.
    """

    reason = "error"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        remedy: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.remedy = remedy
        self.problems = tuple(problems) or (Problem(message, field, remedy),)

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)


class SpecError(WsmisError):
    """A spec, recipe or request that cannot be run."""

    reason = "invalid_spec"


class DataError(WsmisError):
    """A data set, or one of its files, that cannot be used."""

    reason = "invalid_data"


class ArtifactError(WsmisError):
    """An input artifact that is missing, incomplete or of the wrong kind."""

    reason = "invalid_artifact"


class WeightsError(WsmisError):
    """Weights that cannot be fetched, read or matched to a model."""

    reason = "invalid_weights"


class DivergedError(WsmisError):
    """A training whose figures or weights are no longer finite numbers."""

    reason = "diverged"


class ResourceError(WsmisError):
    """More devices, memory, disk or optional libraries asked for than there are."""

    reason = "insufficient_resources"


class ServiceError(WsmisError):
    """The job service refuses what it was asked for."""

    reason = "refused"
