"""How far jobs are, as rows: a table with bars on a terminal, lines of what has changed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from services.client.figures import duration, status_text
from services.client.replies import Dataset, Job, Pipeline, Progress

__all__ = [
    "LineDisplay",
    "ProgressDisplay",
    "Row",
    "TableDisplay",
    "dataset_rows",
    "job_row",
    "pipeline_rows",
    "progress_display",
    "progress_table",
    "reached",
]

BAR_WIDTH = 24
# Without a terminal a line is written at each of so many parts of a phase.
PARTS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One job's state."""

    label: str
    status: str
    progress: Progress
    seconds: float | None = None
    note: str = ""

    @property
    def share(self) -> float:
        """Of the phase, 0 to 1."""
        total = self.progress.get("total") or 0
        return self.progress.get("done", 0) / total if total else 0.0

    @property
    def figures(self) -> str:
        """As in `train 30/90 step 4.1/s, 0:15 left`."""
        if not self.progress:
            return ""
        said = self.progress
        text = reached(said)
        if rate := said.get("rate"):
            text += f" {rate:.3g}/s"
        if (left := said.get("eta_seconds")) is not None:
            text += f", {duration(left)} left"
        return text.strip()


def reached(said: Progress) -> str:
    """As in `train 30/90 step`."""
    return f"{said.get('phase', '')} {said.get('done', 0)}/{said.get('total', 0)} {said.get('unit', '')}"


def job_row(job: Job, *, label: str | None = None, cached: bool = False) -> Row:
    tries = len(job["attempts"])
    notes = ["cached"] * cached + [f"attempt {tries}"] * (tries > 1)
    if job["failure"]:
        notes.append(job["failure"]["message"])
    running = job["status"] in {"starting", "running", "cancelling"}
    return Row(
        label=label or job["name"] or job["stage"],
        status=job["status"],
        progress=(job["progress"] or {}) if running else {},
        seconds=job["seconds"],
        note=", ".join(notes),
    )


def pipeline_rows(pipeline: Pipeline) -> list[Row]:
    return [job_row(job, label=job["step"], cached=job["cached"]) for job in pipeline["jobs"]]


def dataset_rows(dataset: Dataset) -> list[Row]:
    validating = dataset["status"] == "validating"
    return [
        Row(
            label=dataset["name"],
            status=dataset["status"],
            progress=(dataset["progress"] or {}) if validating else {},
        )
    ]


def progress_table(rows: Sequence[Row]) -> Table:
    """A line with a bar for each row."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        done = 1.0 if row.status in {"succeeded", "ready"} else row.share
        bar = ProgressBar(total=1.0, completed=done, width=BAR_WIDTH)
        table.add_row(row.label, status_text(row.status), bar, row.figures or row.note, duration(row.seconds))
    return table


class ProgressDisplay(Protocol):
    """Shows rows as they change."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exit_: object) -> None: ...

    def update(self, rows: Sequence[Row]) -> None: ...

    def note(self, text: str) -> None: ...


class TableDisplay:
    """One table that is drawn anew in its place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exit_: object) -> None:
        self._live.stop()

    def update(self, rows: Sequence[Row]) -> None:
        self._live.update(progress_table(rows), refresh=True)

    def note(self, text: str) -> None:
        self._console.print(text)


class LineDisplay:
    """A line a change: of the status, of the phase, and at each quarter of a phase."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, tuple[object, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exit_: object) -> None:
        return None

    def update(self, rows: Sequence[Row]) -> None:
        for row in rows:
            state = (row.status, row.note, row.progress.get("phase"), int(PARTS * row.share))
            if self._said.get(row.label) != state:
                self._said[row.label] = state
                parts = [f"{row.label}: {row.status}", row.figures, row.note, duration(row.seconds)]
                self._console.print(", ".join(part for part in parts if part), soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(text)


def progress_display(console: Console) -> ProgressDisplay:
    """A table on a terminal, lines elsewhere."""
    return TableDisplay(console) if console.is_terminal else LineDisplay(console)
