"""API keys: 256 random bits of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from services.jobs.errors import Forbidden, Unauthorized
from services.jobs.ids import make_id
from services.jobs.tables import ApiKey
from wsmis_core.errors import SpecError

__all__ = ["Caller", "Scope", "authenticate", "make_key", "scopes_of"]

MARK = "wsmis"
SECRET_BYTES = 32


class Scope(StrEnum):
    """What a key is good for; each includes those before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    key_id: str
    name: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raise Forbidden if the key does not reach as far as ``scope``."""
        ranks = list(Scope)
        if max(ranks.index(own) for own in self.scopes) < ranks.index(scope):
            raise Forbidden(
                f"the key {self.name} lacks the scope {scope}.",
                remedy=f"Use a key made with --scopes {scope}.",
            )


def scopes_of(text: str) -> frozenset[Scope]:
    """The scopes of `read,submit`; raises SpecError that names the wrong one."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    wrong = sorted(names - set(Scope))
    if wrong or not names:
        raise SpecError(
            f"{', '.join(wrong)} is no scope." if wrong else "no scope is given.",
            field="scopes",
            remedy=f"Use one or more of {', '.join(Scope)}, separated by commas.",
        )
    return frozenset(Scope(name) for name in names)


def make_key(session: Session, *, name: str, scopes: Collection[Scope]) -> str:
    """A new key, shown this once: `wsmis_<id>_<secret>`."""
    assert scopes
    key_id = make_id("key").removeprefix("key_")
    key = f"{MARK}_{key_id}_{secrets.token_hex(SECRET_BYTES)}"
    session.add(ApiKey(id=key_id, name=name, sha256=_sha256(key), scopes=sorted(scopes)))
    return key


def authenticate(session: Session, key: str | None) -> Caller:
    """Whose ``key`` this is; raises Unauthorized, without a word on which part of it is wrong."""
    parts = (key or "").split("_")
    row = session.get(ApiKey, parts[1]) if len(parts) == 3 else None
    # Compared also where there is no such key, so that both take as long.
    known = hmac.compare_digest(_sha256(key or ""), row.sha256 if row else _sha256(MARK))
    if row is None or not known:
        raise Unauthorized(
            "no API key is given." if not key else "the API key is not known.",
            remedy="Send a key as `Authorization: Bearer KEY`; `python -m services.jobs make-key` makes one.",
        )
    return Caller(key_id=row.id, name=row.name, scopes=frozenset(Scope(scope) for scope in row.scopes))


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
