"""What a job left: a folder, and a manifest that vouches for every file in it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from wsmis_core.errors import ArtifactError
from wsmis_core.spec.catalogue import ArtifactKind, StageName
from wsmis_core.spec.model import Spec, problems_of

__all__ = ["MANIFEST_FILE", "CodeRef", "FileEntry", "Lineage", "Manifest", "read_manifest", "verify_files"]

MANIFEST_FILE = "manifest.json"


class FileEntry(Spec):
    """One file of an artifact, its path relative to the artifact's folder."""

    path: str
    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class CodeRef(Spec):
    """The code that made an artifact."""

    version: str
    digest: str = Field(description="SHA-256 over wsmis_core's own source files")
    torch: str
    device: str


class Lineage(Spec):
    """Where an artifact comes from."""

    params: dict[str, Any]
    dataset: str | None = None
    fingerprint: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict, description="role -> digest of the input's manifest")
    code: CodeRef


class Manifest(Spec):
    """`manifest.json`."""

    schema_version: Literal[1] = 1
    job: str
    stage: StageName
    kind: ArtifactKind
    created: datetime
    files: tuple[FileEntry, ...]
    lineage: Lineage
    metrics: dict[str, float] = Field(default_factory=dict)
    details: dict[str, Any] = Field(
        default_factory=dict, description="what a later stage must know: classes, sizes, arch"
    )
    digest: str = Field(description="SHA-256 over kind, lineage's params and inputs, and the files' hashes")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the artifact in ``folder``; raises ArtifactError where there is no sound one."""
    path = folder / MANIFEST_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArtifactError(
            f"There is no artifact: {error.strerror}.",
            field=str(path),
            remedy="Run the job that makes it again.",
        ) from None
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ArtifactError(
            f"The manifest is not sound: {problems_of(error.errors())[0]}",
            field=str(path),
            remedy="Run the job that makes it again.",
        ) from None


def verify_files(manifest: Manifest, folder: Path) -> None:
    """Raise ArtifactError that names the first file that is missing or not as the manifest says."""
    for entry in manifest.files:
        path = folder / entry.path
        if not path.is_file() or path.stat().st_size != entry.size:
            raise ArtifactError(
                f"The file is missing or not of {entry.size} bytes.",
                field=str(path),
                remedy="Run the job that makes it again.",
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise ArtifactError(
                f"The file's SHA-256 is {found}, not {entry.sha256}.",
                field=str(path),
                remedy="Run the job that makes it again.",
            )
