"""A stage here and now, from a YAML file, without a service."""

from __future__ import annotations

from pathlib import Path

from wsmis_core.data import scan
from wsmis_core.files import write_text_atomically
from wsmis_core.spec import (
    CATALOGUE,
    SPEC_FILE,
    DatasetRef,
    DatasetSpec,
    InputRef,
    RunSpec,
    read_stage_file,
)

__all__ = ["prepare_local_run"]


def prepare_local_run(path: Path, folder: Path) -> None:
    """Write the `spec.json` of a run in ``folder`` from the YAML at ``path``; scans its data set.

    Raises SpecError or DataError that names the field or file.
    """
    wanted = read_stage_file(path)
    roles = CATALOGUE[wanted.params.stage].inputs
    folder.mkdir(parents=True, exist_ok=True)
    spec = RunSpec(
        job=folder.resolve().name,
        attempt=1,
        params=wanted.params,
        dataset=_scanned(wanted.dataset, folder) if wanted.dataset else None,
        inputs={
            role: InputRef(job=source.name, kind=roles[role].kind, path=source.resolve())
            for role, source in wanted.inputs.items()
        },
        cache=folder / "cache",
        # Data roots bound what a service reads for others; who runs a stage here reads what they may.
        data_roots=(Path("/"),),
    )
    write_text_atomically(folder / SPEC_FILE, spec.model_dump_json(indent=1))


def _scanned(spec: DatasetSpec, folder: Path) -> DatasetRef:
    index = scan(spec)
    path = folder / "index.json"
    index.save(path)
    return DatasetRef(
        id="local",
        name=spec.root,
        spec=spec.model_dump(mode="json"),
        fingerprint=index.fingerprint,
        index=path,
    )
