"""What the command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from services.client.exits import ExitStatus, exit_status
from wsmis_core.errors import SpecError, WsmisError

__all__ = ["Output"]

# Columns where nobody's screen is meant: no table is squeezed, no line broken.
PIPED_WIDTH = 10_000


class Output:
    """Speaks JSON to programs (``as_json``), tables to people."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # What comes from the service is never taken for markup.
        self._results = Console(markup=False, highlight=False, width=_width(sys.stdout))
        self.notes = Console(markup=False, highlight=False, stderr=True, width=_width(sys.stderr))

    def show(self, data: Any, *views: RenderableType) -> None:
        """The call's result: ``data`` as JSON, or the ``views`` of it."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
            return
        for view in views:
            self._results.print(view)

    def note(self, text: str) -> None:
        """A line for people, beside the result."""
        self.notes.print(text)

    def error(self, error: WsmisError) -> None:
        """Every problem with its field and remedy; one JSON object where programs listen."""
        if self.as_json:
            problems = [asdict(problem) for problem in error.problems]
            sys.stderr.write(json.dumps({"error": error.reason, "problems": problems}) + "\n")
            return
        for problem in error.problems:
            line = Text("wsmis: ", style="bold red")
            if problem.field:
                line.append(f"{problem.field}: ", style="bold")
            self.notes.print(line.append(problem.message, style="none"))
            if problem.remedy:
                self.notes.print(f"       {problem.remedy}")

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turns errors that a user can cause, and Ctrl-C, into a message and the exit status."""
        try:
            yield
        except WsmisError as error:
            self.error(error)
            raise typer.Exit(exit_status(error)) from None
        except OSError as error:  # of this machine: a full disk, a folder that may not be written
            self.error(SpecError(f"{error.strerror or error}.", field=error.filename))
            raise typer.Exit(ExitStatus.WRONG_USE) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitStatus.INTERRUPTED) from None


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() else PIPED_WIDTH
