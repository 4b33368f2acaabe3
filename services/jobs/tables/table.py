"""What every table has: named constraints and the same types on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, Enum, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

from services.jobs.times import UtcTime

__all__ = ["Table", "named"]

Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime,
        dict[str, Any]: Document,
        dict[str, float]: Document,
        list[str]: Document,
        list[dict[str, Any]]: Document,
    }


def named(values: type[StrEnum]) -> Enum:
    """A column of an enum's values, kept as text."""
    return Enum(
        values, native_enum=False, length=16, values_callable=lambda kind: [item.value for item in kind]
    )
