"""API keys, and the keys that make a submission idempotent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from services.jobs.tables.table import Table
from services.jobs.times import utc_now

__all__ = ["ApiKey", "IdempotencyKey"]


class ApiKey(Table):
    """An API key, of which only the hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    created: Mapped[datetime] = mapped_column(default=utc_now)


class IdempotencyKey(Table):
    """What a caller's `Idempotency-Key` has already made."""

    __tablename__ = "idempotency_keys"

    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    made_id: Mapped[str] = mapped_column(String(40))
    created: Mapped[datetime] = mapped_column(default=utc_now, index=True)
