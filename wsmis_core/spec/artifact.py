"""What a job left: a folder, and a manifest that vouches for every file in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from wsmis_core.spec.catalogue import ArtifactKind, StageName
from wsmis_core.spec.model import Spec

__all__ = ["MANIFEST_FILE", "CodeRef", "FileEntry", "Lineage", "Manifest"]

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
