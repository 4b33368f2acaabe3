"""What a stage runs in: its spec, its folder, its ranks and its voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wsmis_core.engine.events import Events, Progress
from wsmis_core.engine.ranks import Ranks
from wsmis_core.engine.stopping import StopRequest
from wsmis_core.spec.run import RunSpec

__all__ = ["RunContext"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """One rank's view of one attempt."""

    spec: RunSpec
    folder: Path
    ranks: Ranks
    events: Events
    stop: StopRequest
    name: Path = Path()  # of the part that this is of a stage that trains or writes several times

    def part(self, name: str) -> RunContext:
        """The context of a part of the stage, with checkpoints, progress and figures of its own.

        Its output is resumed as the stage's is, but does not become an artifact.
        """
        return replace(self, name=self.name / name)

    def progress(self, phase: str, *, total: int, unit: str, done: int = 0) -> Progress:
        """A counter of ``total`` units that says how far it is, and of which part."""
        named = f"{self.name}: {phase}" if self.name.parts else phase
        return self.events.progress(named, total=total, unit=unit, done=done)

    def metric(self, values: Mapping[str, float], *, step: int, epoch: int | None = None) -> None:
        """Figures at a step; those of a part carry its name."""
        self.events.metric(
            {str(self.name / name): value for name, value in values.items()}, step=step, epoch=epoch
        )

    @property
    def output(self) -> Path:
        """Folder of what the attempt makes; it becomes the artifact."""
        return self.folder / self._output

    @property
    def previews(self) -> Path:
        """Folder of pictures to look at while the job runs."""
        return self.folder / "previews"

    @property
    def checkpoints(self) -> Path:
        """Folder of this attempt's checkpoints."""
        return self.folder / self._checkpoints

    @property
    def earlier_checkpoints(self) -> tuple[Path, ...]:
        """Where to look for a state to go on from, this attempt's own folder first."""
        return (self.checkpoints, *(folder / self._checkpoints for folder in self.spec.previous))

    @property
    def earlier_outputs(self) -> tuple[Path, ...]:
        """Where earlier attempts at this job left finished items."""
        return tuple(folder / self._output for folder in self.spec.previous)

    @property
    def _output(self) -> Path:
        return Path("parts") / self.name if self.name.parts else Path("output")

    @property
    def _checkpoints(self) -> Path:
        return Path("checkpoints") / self.name
