"""Figures as people read them."""

from __future__ import annotations

import pytest

from services.client.figures import counted, duration, size


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.4, "0 s"), (59.4, "59 s"), (185, "3:05"), (7385, "2:03:05")]
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 50, "5120.0 TiB")],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_counted() -> None:
    assert counted({"train": 70, "dice": 0.123456}) == "train 70, dice 0.1235"
    assert counted(None) == ""
