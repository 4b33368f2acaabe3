"""A stage here and now, from a YAML file, without a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from wsmis_core.data import scan
from wsmis_core.errors import SpecError
from wsmis_core.files import write_text_atomically
from wsmis_core.spec import (
    CATALOGUE,
    SPEC_FILE,
    DatasetRef,
    InputRef,
    RunSpec,
    Spec,
    make_dataset_spec,
    make_params,
    validate,
)

__all__ = ["prepare_local_run"]


class _LocalDataset(Spec):
    format: str
    root: str
    options: dict[str, Any] = Field(default_factory=dict)


class _LocalRun(Spec):
    """What the YAML file may say; ``inputs`` are folders of artifacts by role."""

    stage: str
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Path] = Field(default_factory=dict)
    dataset: _LocalDataset | None = None


def prepare_local_run(path: Path, folder: Path) -> None:
    """Write the `spec.json` of a run in ``folder`` from the YAML at ``path``; scans its data set.

    Raises SpecError or DataError that names the field or file.
    """
    try:
        given = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(
            f"The spec cannot be read: {error}.", field=str(path), remedy="Give a YAML file."
        ) from None
    wanted = validate(_LocalRun, given)
    params = make_params(wanted.stage, wanted.params, wanted.inputs)
    roles = CATALOGUE[params.stage].inputs
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _scanned(wanted.dataset, folder) if wanted.dataset else None
    spec = RunSpec(
        job=folder.resolve().name,
        attempt=1,
        params=params,
        dataset=dataset,
        inputs={
            role: InputRef(job=source.name, kind=roles[role].kind, path=source.resolve())
            for role, source in wanted.inputs.items()
        },
        cache=folder / "cache",
        data_roots=(Path(wanted.dataset.root),) if wanted.dataset else (),
    )
    write_text_atomically(folder / SPEC_FILE, spec.model_dump_json(indent=1))


def _scanned(wanted: _LocalDataset, folder: Path) -> DatasetRef:
    spec = make_dataset_spec(wanted.format, wanted.root, wanted.options)
    index = scan(spec)
    path = folder / "index.json"
    index.save(path)
    return DatasetRef(
        id="local",
        name=wanted.root,
        spec=spec.model_dump(mode="json"),
        fingerprint=index.fingerprint,
        index=path,
    )
