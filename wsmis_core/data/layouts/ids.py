"""Ids of samples, out of their files' names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

__all__ = ["ids_of"]

LONGEST_STEM = 120  # bytes; names of files end at 255, and an id gets suffixes


def ids_of(files: Sequence[str]) -> dict[str, str]:
    """An id for each file: its name without suffix; where files share one, with a hash of the path."""
    names = {file: unicodedata.normalize("NFC", PurePosixPath(file).stem) for file in files}
    stems = {file: _cut(re.sub(r"[^\w.-]", "_", name)) for file, name in names.items()}
    counts = Counter(stem.casefold() for stem in stems.values())
    return {
        file: stem
        if counts[stem.casefold()] == 1
        else f"{stem}-{hashlib.sha256(file.encode()).hexdigest()[:12]}"
        for file, stem in stems.items()
    }


def _cut(stem: str) -> str:
    return stem.encode()[:LONGEST_STEM].decode(errors="ignore")
