"""Artifacts onto this machine's disk: every file against its SHA-256, a broken one resumed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from services.client.errors import NoServiceError
from services.client.http import Client
from wsmis_core.errors import ArtifactError
from wsmis_core.spec import FileEntry

__all__ = ["download", "downloaded_path", "fetch"]

PART = ".part"
# A connection may break so often within one file before the download gives up.
BREAKS = 5


def download(
    client: Client, job: str, files: Mapping[FileEntry, Path], *, told: Callable[[int], None]
) -> list[Path]:
    """The artifact's ``files`` at the paths given with them; ``told`` hears of each further count of bytes.

    A file that is there already with the right hash stays, a part of one is gone on from.
    Raises ArtifactError for a file whose bytes are not the manifest's.
    """
    return [_whole(client, job, entry, path, told=told) for entry, path in files.items()]


def downloaded_path(folder: Path, path: str) -> Path:
    """Where the artifact's ``path`` goes under ``folder``; raises ArtifactError if that is not below it."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ArtifactError(
            f"the manifest names {path!r}, which is no path inside an artifact.",
            remedy="Do not use this artifact.",
        )
    return folder.joinpath(*parts.parts)


def _whole(client: Client, job: str, entry: FileEntry, target: Path, *, told: Callable[[int], None]) -> Path:
    if target.is_file() and target.stat().st_size == entry.size and _sha256(target) == entry.sha256:
        told(entry.size)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    if part.is_file() and part.stat().st_size > entry.size:
        part.unlink()
    told(part.stat().st_size if part.is_file() else 0)
    fetch(client, job, entry, part, told=told)
    if (found := _sha256(part)) != entry.sha256:
        part.unlink()
        raise ArtifactError(
            f"{entry.path} came with SHA-256 {found}, and the manifest says {entry.sha256}.",
            field=entry.path,
            remedy="Download it again; if that does not help, the stored copy is damaged: run the job anew.",
        )
    part.replace(target)
    return target


def fetch(client: Client, job: str, entry: FileEntry, part: Path, *, told: Callable[[int], None]) -> None:
    """``entry``'s bytes into ``part``, from where it ends on; a connection that breaks is made anew."""
    breaks = 0
    while (there := part.stat().st_size if part.exists() else 0) < entry.size or not part.exists():
        try:
            with client.file(job, entry.path, start=there) as (first, chunks), part.open("ab") as file:
                if first != there:
                    file.truncate(first)
                    told(first - there)
                for chunk in chunks:
                    file.write(chunk)
                    told(len(chunk))
                file.flush()
                os.fsync(file.fileno())
        except NoServiceError:
            breaks += 1
            if breaks > BREAKS:
                raise
            continue
        if part.stat().st_size != entry.size:
            return  # the hash tells


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
