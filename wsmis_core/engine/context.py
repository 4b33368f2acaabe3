"""What a stage runs in: its spec, its folder, its ranks and its voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wsmis_core.engine.events import Events
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

    @property
    def output(self) -> Path:
        """Folder of what the attempt makes; it becomes the artifact."""
        return self.folder / "output"

    @property
    def previews(self) -> Path:
        """Folder of pictures to look at while the job runs."""
        return self.folder / "previews"

    @property
    def checkpoints(self) -> Path:
        """Folder of this attempt's checkpoints."""
        return self.folder / "checkpoints"

    @property
    def earlier_checkpoints(self) -> tuple[Path, ...]:
        """Where to look for a state to go on from, this attempt's own folder first."""
        return (self.checkpoints, *(folder / "checkpoints" for folder in self.spec.previous))

    @property
    def earlier_outputs(self) -> tuple[Path, ...]:
        """Where earlier attempts at this job left finished items."""
        return tuple(folder / "output" for folder in self.spec.previous)
