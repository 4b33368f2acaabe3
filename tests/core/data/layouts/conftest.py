from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex, Sample

Problems = Callable[[DatasetIndex], str]


@pytest.fixture
def told() -> Problems:
    """All problems of an index as lines, to be searched."""
    return lambda index: "\n".join(
        f"{problem.severity} {problem.file}: {problem.message} {problem.remedy}" for problem in index.problems
    )


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., None]:
    """Writes grey PNGs of 5 x 4 pixels, or of given values."""

    def write(*names: str, values: object = None) -> None:
        for position, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((4, 5), position) if values is None else np.array(values)
            Image.fromarray(pixels.astype(np.uint8)).save(path, "PNG")

    return write


@pytest.fixture
def table() -> Callable[[Path, Sequence[str]], None]:
    """Writes a text file, one line each."""

    def write(path: Path, lines: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return write


@pytest.fixture
def by_id() -> Callable[[DatasetIndex], dict[str, Sample]]:
    return lambda index: {sample.id: sample for sample in index.samples}
