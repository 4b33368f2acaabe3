"""When two jobs would make the same thing: the key under which a pipeline finds work that is already done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.settings import Settings
from services.jobs.status import Status
from services.jobs.tables import Job
from wsmis_core.spec import MANIFEST_FILE

__all__ = ["cache_key", "code_digest", "finished_twin", "sha256_of_json"]


def sha256_of_json(value: object) -> str:
    """The SHA-256 of ``value`` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """The SHA-256 over wsmis_core's source files: other code, other results."""
    digest = hashlib.sha256()
    for name, text in sorted(_sources(files("wsmis_core"), "")):
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


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
    """The latest succeeded job with ``key`` whose artifact is still there."""
    if key is None:
        return None
    twins = session.scalars(
        select(Job).where(Job.cache_key == key, Job.status == Status.SUCCEEDED).order_by(Job.id.desc())
    )
    return next(
        (twin for twin in twins if (settings.artifact_folder(twin.id) / MANIFEST_FILE).is_file()), None
    )


def _sources(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        inner = f"{path}/{entry.name}"
        if entry.is_dir():
            found += _sources(entry, inner)
        elif entry.name.endswith(".py"):
            found.append((inner, entry.read_bytes()))
    return found
