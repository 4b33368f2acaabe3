"""The manifest of what a run made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from wsmis_core.engine.context import RunContext
from wsmis_core.files import sha256_of, write_text_atomically
from wsmis_core.spec import (
    CATALOGUE,
    MANIFEST_FILE,
    VERSION,
    CodeRef,
    FileEntry,
    Lineage,
    Manifest,
    code_digest,
    read_manifest,
)

__all__ = ["StageResult", "write_manifest"]


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage returns: figures for people, and details that later stages must know."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def write_manifest(context: RunContext, result: StageResult) -> Manifest:
    """Vouch for every file in the run's output; the output is complete from here on."""
    spec, output = context.spec, context.output
    stage = CATALOGUE[spec.params.stage]
    files = tuple(
        FileEntry(path=str(path.relative_to(output)), size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != MANIFEST_FILE and not path.name.startswith(".")
    )
    lineage = Lineage(
        params=spec.params.model_dump(mode="json"),
        dataset=spec.dataset.id if spec.dataset else None,
        fingerprint=spec.dataset.fingerprint if spec.dataset else None,
        inputs={role: read_manifest(ref.path).digest for role, ref in sorted(spec.inputs.items())},
        code=CodeRef(
            version=VERSION, digest=code_digest(), torch=torch.__version__, device=_device_name(context)
        ),
    )
    manifest = Manifest(
        job=spec.job,
        stage=stage.name,
        kind=stage.output,
        created=datetime.now(UTC),
        files=files,
        lineage=lineage,
        metrics=dict(result.metrics),
        details=dict(result.details),
        digest=_digest(stage.output, lineage, files),
    )
    write_text_atomically(output / MANIFEST_FILE, manifest.model_dump_json(indent=1))
    return manifest


def _digest(kind: str, lineage: Lineage, files: tuple[FileEntry, ...]) -> str:
    content = {
        "kind": kind,
        "params": lineage.params,
        "fingerprint": lineage.fingerprint,
        "inputs": lineage.inputs,
        "files": [(entry.path, entry.sha256) for entry in files],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _device_name(context: RunContext) -> str:
    device = context.ranks.device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
