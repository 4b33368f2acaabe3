"""A submission that is sent twice is made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.jobs.database import Database
from services.jobs.errors import Conflict
from services.jobs.tables import IdempotencyKey

__all__ = ["KEPT", "Idempotency", "forget_keys_of", "forget_old_keys", "make_once"]

KEPT = timedelta(days=7)  # told in the API's schema and in docs/architecture.md


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's `Idempotency-Key`, and the SHA-256 of what it came with (route and body)."""

    api_key: str
    key: str
    body_sha256: str


def make_once(
    database: Database, idempotency: Idempotency | None, make: Callable[[Session], str]
) -> tuple[str, bool]:
    """The id of what ``make`` makes in a transaction of its own, and whether it was made now.

    With a key that was used before, the id of what it made then. Of two at once one makes it, and
    the other waits for that. Raises Conflict if the key was used with another body.
    """
    if idempotency is None:
        with database.writing() as session:
            return make(session), True
    try:
        with database.writing() as session:
            earlier = _earlier(session, idempotency)
            if earlier is not None:
                return earlier, False
            made = make(session)
            session.add(
                IdempotencyKey(
                    api_key_id=idempotency.api_key,
                    key=idempotency.key,
                    body_sha256=idempotency.body_sha256,
                    made_id=made,
                )
            )
        return made, True
    except IntegrityError:
        with database.reading() as session:
            earlier = _earlier(session, idempotency)
        if earlier is None:
            raise
        return earlier, False


def forget_old_keys(session: Session, *, now: datetime) -> None:
    """Delete the keys whose time is over: the same key makes something new from here on."""
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created < now - KEPT),
        execution_options={"synchronize_session": False},
    )


def forget_keys_of(session: Session, made_id: str) -> None:
    """Delete the keys that made what is being deleted: sent again, the same request makes it anew."""
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.made_id == made_id),
        execution_options={"synchronize_session": False},
    )


def _earlier(session: Session, idempotency: Idempotency) -> str | None:
    row = session.get(IdempotencyKey, (idempotency.api_key, idempotency.key))
    if row is None:
        return None
    if row.body_sha256 != idempotency.body_sha256:
        raise Conflict(
            f"the Idempotency-Key {idempotency.key} was used with another body.",
            field="Idempotency-Key",
            remedy="Use a new key for a new request, or send the same body again.",
        )
    return row.made_id
