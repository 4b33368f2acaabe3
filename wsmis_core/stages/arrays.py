"""Arrays by name in `.npz` files that a stage left."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsmis_core.errors import ArtifactError

__all__ = ["read_arrays"]

# What numpy lets through from a file that is cut short, overwritten or not its own.
_DAMAGED = (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def read_arrays(path: Path, *, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of those names; raises ArtifactError where the file is damaged or has not all of them."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except _DAMAGED as error:
        raise ArtifactError(
            f"The arrays {', '.join(names)} cannot be read: {error}.",
            field=str(path),
            remedy="Run the job that made it again.",
        ) from error
