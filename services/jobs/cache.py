"""When two jobs would make the same thing: the key under which a pipeline finds work that is already done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.settings import Settings
from services.jobs.status import FINAL, Status
from services.jobs.tables import Job
from wsmis_core.spec import MANIFEST_FILE, code_digest

__all__ = ["cache_key", "finished_twin", "sha256_of_json"]


def sha256_of_json(value: object) -> str:
    """The SHA-256 of ``value`` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def cache_key(
    stage: str, params: Mapping[str, Any], *, fingerprint: str, inputs: Mapping[str, str | None]
) -> str | None:
    """The key of a job: stage, whole params, the data set's fingerprint, the inputs' keys by role, the code.

    None if an input has none: what it is made of is not known.
    """
    if None in inputs.values():
        return None
    return sha256_of_json([stage, params, fingerprint, inputs, code_digest()])


def finished_twin(session: Session, key: str | None, settings: Settings) -> Job | None:
    """The latest job with ``key`` whose artifact is still there.

    One that succeeded, or else one that its gate has stopped.
    """
    if key is None:
        return None
    twins = session.scalars(
        select(Job)
        .where(Job.cache_key == key, Job.status.in_(FINAL), Job.artifact_digest.is_not(None))
        .order_by((Job.status == Status.SUCCEEDED).desc(), Job.id.desc())
    )
    return next(
        (twin for twin in twins if (settings.artifact_folder(twin.id) / MANIFEST_FILE).is_file()), None
    )
