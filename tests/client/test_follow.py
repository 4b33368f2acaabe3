"""Waiting through outages."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

import pytest
from rich.console import Console

from services.client.errors import NoServiceError
from services.client.follow import followed
from services.client.progress import LineDisplay, Row


def asker(replies: Iterable[str | None]) -> Callable[[], str]:
    """Gives one reply a call; None is an outage."""
    left = iter(replies)

    def ask() -> str:
        reply = next(left)
        if reply is None:
            raise NoServiceError("nobody there.")
        return reply

    return ask


def follow(replies: Iterable[str | None], *, patience: float = 60.0) -> tuple[str, list[str]]:
    text = io.StringIO()
    last = followed(
        asker(replies),
        rows=lambda status: [Row("job", status, {})],
        done=lambda status: status == "succeeded",
        display=LineDisplay(Console(file=text, width=200)),
        pause=0.0,
        patience=patience,
    )
    return last, text.getvalue().splitlines()


def test_until_the_end_through_an_outage() -> None:
    last, lines = follow(["queued", "running", None, None, "running", "succeeded"])
    assert last == "succeeded"
    assert lines == [
        "job: queued",
        "job: running",
        "The service does not answer; the jobs go on, and so does the wait for it.",
        "job: succeeded",
    ]


def test_a_service_that_never_was_is_told_at_once() -> None:
    with pytest.raises(NoServiceError):
        follow([None, "succeeded"])


def test_patience_ends() -> None:
    with pytest.raises(NoServiceError):
        follow(["running", None, "succeeded"], patience=-1.0)
