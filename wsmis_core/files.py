"""Files that are whole or not there: written beside their place, synced, renamed."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "link_or_copy",
    "sha256_of",
    "sync",
    "write_atomically",
    "write_bytes_atomically",
    "write_text_atomically",
]


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then move it there for good.

    The folder is made where missing. Of several processes that write one path at once, one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """``data`` at ``path``."""
    write_atomically(path, functools.partial(_write, data))


def write_text_atomically(path: Path, text: str) -> None:
    """``text`` as UTF-8 at ``path``."""
    write_bytes_atomically(path, text.encode())


def link_or_copy(source: Path, target: Path) -> None:
    """The finished file ``source`` at ``target`` too: a hard link where the file system has them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        write_atomically(target, functools.partial(_copy, source))


def sync(path: Path) -> None:
    """Have the disk hold what was written to the file or folder ``path``."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
