"""Jobs' progress as a table and as lines."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest
from rich.console import Console

from services.client.progress import LineDisplay, Row, TableDisplay, job_row, pipeline_rows, progress_display
from services.client.replies import Job, Pipeline, Progress

HALF: Progress = {"phase": "train", "done": 30, "total": 60, "unit": "step", "rate": 4.04, "eta_seconds": 7.4}


def job(**changes: Any) -> Job:
    fields = {
        "id": "job_1",
        "name": None,
        "stage": "train_classifier",
        "status": "running",
        "progress": HALF,
        "attempts": [{"number": 1}],
        "failure": None,
        "seconds": None,
    }
    return cast(Job, fields | changes)


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=200, markup=False, highlight=False), text


def test_a_running_job_s_row() -> None:
    row = job_row(job())
    assert row.share == 0.5
    assert row.figures == "train 30/60 step 4.04/s, 7 s left"
    assert row.label == "train_classifier"


def test_a_row_notes_further_attempts_and_the_failure() -> None:
    failure = {"reason": "diverged", "message": "the loss is NaN.", "field": None, "remedy": None}
    row = job_row(job(status="failed", attempts=[{"number": 1}, {"number": 2}], failure=failure))
    assert row.note == "attempt 2, the loss is NaN."
    assert row.figures == ""


def test_a_pipeline_s_rows_are_its_steps() -> None:
    made = {"jobs": [job(step="train_ceiling", cached=True, status="succeeded")]}
    (row,) = pipeline_rows(cast(Pipeline, made))
    assert (row.label, row.note) == ("train_ceiling", "cached")


@pytest.mark.parametrize("progress", [{}, {"phase": "read", "done": 0, "total": 0, "unit": "file"}])
def test_nothing_to_do_is_no_division_by_nothing(progress: Progress) -> None:
    assert Row("a", "running", progress).share == 0


def test_lines_tell_changes_only() -> None:
    screen, text = console(terminal=False)
    with LineDisplay(screen) as display:
        display.update([Row("a", "queued", {})])
        display.update([Row("a", "queued", {})])
        for done in range(0, 9):
            display.update(
                [Row("a", "running", {"phase": "train", "done": done, "total": 8, "unit": "step"})]
            )
        display.update([Row("a", "succeeded", {}, seconds=65)])
    assert text.getvalue().splitlines() == [
        "a: queued",
        "a: running, train 0/8 step",
        "a: running, train 2/8 step",
        "a: running, train 4/8 step",
        "a: running, train 6/8 step",
        "a: running, train 8/8 step",
        "a: succeeded, 1:05",
    ]


def test_a_table_shows_every_row() -> None:
    screen, text = console(terminal=True)
    with TableDisplay(screen) as display:
        display.update([Row("classifier", "running", HALF), Row("[cams]", "waiting", {})])
    assert "train 30/60 step" in text.getvalue()
    assert "[cams]" in text.getvalue()


def test_the_display_is_the_terminal_s() -> None:
    assert isinstance(progress_display(console(terminal=True)[0]), TableDisplay)
    assert isinstance(progress_display(console(terminal=False)[0]), LineDisplay)
