"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

__all__ = ["counted", "duration", "moment", "size", "status_text"]

STYLES = {
    "succeeded": "green",
    "ready": "green",
    "running": "cyan",
    "starting": "cyan",
    "validating": "cyan",
    "cancelling": "yellow",
    "cancelled": "yellow",
    "skipped": "yellow",
    "failed": "bold red",
    "invalid": "bold red",
}
MINUTE, HOUR = 60, 3600
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
BITS = 10  # a unit is 2^10 of the one below


def duration(seconds: float | None) -> str:
    """`7 s`, `3:05`, `2:03:05`; nothing for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    hours, rest = divmod(whole, HOUR)
    minutes, left = divmod(rest, MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def size(count: int) -> str:
    """Bytes as `640 B` or `1.5 MiB`."""
    power = min((max(count, 1).bit_length() - 1) // BITS, len(UNITS) - 1)
    return f"{count / 2 ** (BITS * power):.1f} {UNITS[power]}" if power else f"{count} B"


def moment(time: str | None) -> str:
    """An RFC 3339 time as the reader's own clock shows it."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def status_text(status: str) -> Text:
    return Text(status, style=STYLES.get(status, "none"))


def counted(counts: Mapping[str, Any] | None) -> str:
    """`train 70, val 10`; nothing for None."""
    return ", ".join(f"{name} {_figure(value)}" for name, value in (counts or {}).items())


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
