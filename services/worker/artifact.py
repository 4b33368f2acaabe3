"""From an attempt's output to the job's artifact: verified, made durable, renamed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from wsmis_core.errors import ArtifactError
from wsmis_core.files import link_or_copy, write_text_atomically
from wsmis_core.spec import CATALOGUE, MANIFEST_FILE, FileEntry, Manifest

__all__ = ["existing", "linked", "place", "verified"]

_CHUNK_BYTES = 8 << 20

Beat = Callable[[], None]


def verified(folder: Path, *, job: str, stage: str, beat: Beat) -> Manifest:
    """The manifest of ``folder``, once every file in it has the stated size and SHA-256 and is on disk.

    ``beat`` is called every few megabytes. Raises ArtifactError.
    """
    path = folder / MANIFEST_FILE
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError("the output has no manifest.", field=str(path)) from None
    except ValidationError as error:
        raise ArtifactError(f"the output's manifest cannot be read: {error}.", field=str(path)) from None
    kind = next(known.output for known in CATALOGUE.values() if known.name == stage)
    if (manifest.job, manifest.stage, manifest.kind) != (job, stage, kind):
        raise ArtifactError(
            f"the output is a {manifest.kind} of {manifest.stage} for {manifest.job}, "
            f"not a {kind} of {stage} for {job}.",
            field=str(path),
        )
    for entry in manifest.files:
        _verify(folder, entry, beat)
    _sync(path)
    return manifest


def existing(folder: Path, *, job: str, stage: str, beat: Beat) -> Manifest | None:
    """The manifest of the job's artifact where an earlier attempt has put it in place whole, or None."""
    if not folder.exists():
        return None
    try:
        return verified(folder, job=job, stage=stage, beat=beat)
    except ArtifactError:
        return None


def linked(source: Path, output: Path, *, of: str, job: str, stage: str, beat: Beat) -> bool:
    """Whether ``output`` now holds what the job ``of`` made, in the name of ``job``: links to sound files.

    Nothing is done where ``source``, the other job's artifact, is gone or damaged.
    """
    theirs = existing(source, job=of, stage=stage, beat=beat)
    if theirs is None:
        return False
    for entry in theirs.files:
        link_or_copy(source / entry.path, output / entry.path)
    manifest = theirs.model_copy(update={"job": job})
    write_text_atomically(output / MANIFEST_FILE, manifest.model_dump_json(indent=1))
    return True


def place(output: Path, artifact: Path, *, beat: Beat) -> None:
    """Move the verified ``output`` to ``artifact`` at once; one that lies there damaged is replaced."""
    if artifact.exists():
        shutil.rmtree(artifact)
    artifact.parent.mkdir(parents=True, exist_ok=True)
    if output.stat().st_dev != artifact.parent.stat().st_dev:
        output = _copied(output, artifact.with_name(f".{artifact.name}.part"), beat)
    output.rename(artifact)
    _sync(artifact.parent)


def _copied(output: Path, beside: Path, beat: Beat) -> Path:
    """A copy of ``output`` on the disk of ``beside``, which a rename alone does not reach."""

    def copy(source: str, target: str) -> None:
        beat()
        shutil.copy2(source, target)
        _sync(Path(target))

    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(output, beside, copy_function=copy)
    return beside


def _verify(folder: Path, entry: FileEntry, beat: Beat) -> None:
    inside = PurePosixPath(entry.path)
    path = folder / inside
    if inside.is_absolute() or ".." in inside.parts or not path.resolve().is_relative_to(folder.resolve()):
        raise ArtifactError("the manifest names a file outside of its folder.", field=entry.path)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                beat()
            os.fsync(file.fileno())
    except FileNotFoundError:
        raise ArtifactError("the manifest names a file that is not there.", field=entry.path) from None
    if (size, digest.hexdigest()) != (entry.size, entry.sha256):
        raise ArtifactError(
            f"the file has {size} bytes and SHA-256 {digest.hexdigest()[:12]}…, "
            f"its manifest says {entry.size} and {entry.sha256[:12]}….",
            field=entry.path,
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
