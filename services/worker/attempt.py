"""The folder of one attempt: what the ranks are given, and where they write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from wsmis_core.spec import EVENTS_FILE, FAILURE_FILE, MANIFEST_FILE, SPEC_FILE, Failure, RunSpec

__all__ = ["AttemptFolder"]

LOG_FILE = "log.txt"
OUTPUT_FOLDER = "output"


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """`runs/<job>/attempt-N`."""

    path: Path

    @classmethod
    def prepare(cls, path: Path, spec: RunSpec) -> AttemptFolder:
        """A new folder with ``spec`` in it, of the earlier attempts those that have left a folder.

        Raises FileExistsError rather than write into an old one.
        """
        path.mkdir(parents=True)
        previous = tuple(folder for folder in spec.previous if folder.is_dir())
        whole = spec.model_copy(update={"previous": previous})
        (path / SPEC_FILE).write_text(whole.model_dump_json(indent=2) + "\n")
        return cls(path)

    @property
    def events(self) -> Path:
        return self.path / EVENTS_FILE

    @property
    def log(self) -> Path:
        return self.path / LOG_FILE

    @property
    def output(self) -> Path:
        return self.path / OUTPUT_FOLDER

    @property
    def is_complete(self) -> bool:
        """Whether the ranks have written their manifest, which is the last thing they do."""
        return (self.output / MANIFEST_FILE).exists()

    def failure(self) -> Failure | None:
        """What the first rank that failed has said, if it could."""
        try:
            return Failure.model_validate_json((self.path / FAILURE_FILE).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def log_tail(self, limit: int = 16_384) -> str:
        """The last ``limit`` bytes of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - limit))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def bytes_said(self) -> int:
        """How much the ranks have written into events and log: what does not grow has stalled."""
        return sum(path.stat().st_size for path in (self.events, self.log) if path.exists())
