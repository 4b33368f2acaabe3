"""Which code this is: the version, and a digest over the method's own files."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["VERSION", "code_digest"]

VERSION = "0.1.0"


@cache
def code_digest() -> str:
    """SHA-256 over the source files of wsmis_core: another digest, another result is possible."""
    digest = hashlib.sha256()
    for name, file in sorted(_sources(files("wsmis_core"), "")):
        digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _sources(entry, f"{name}/")
        elif entry.name.endswith(".py"):
            found.append((name, entry))
    return found
