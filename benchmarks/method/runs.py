"""Stage runs that are made once: the same stage with the same params and inputs is the same run."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from wsmis_core.data import scan
from wsmis_core.files import write_text_atomically
from wsmis_core.rank import main
from wsmis_core.spec import (
    CATALOGUE,
    MANIFEST_FILE,
    SPEC_FILE,
    DatasetRef,
    DatasetSpec,
    InputRef,
    PlannedStep,
    RunSpec,
    code_digest,
    make_params,
)


@dataclass(frozen=True)
class Runs:
    """A folder of runs on one data set, kept by what they are made of."""

    folder: Path
    dataset: DatasetRef

    @classmethod
    def on(cls, spec: DatasetSpec, folder: Path) -> Self:
        """Runs in ``folder`` on the data set of ``spec``, which is read anew."""
        folder.mkdir(parents=True, exist_ok=True)
        index = scan(spec)
        index.save(folder / "index.json")
        ref = DatasetRef(
            id=folder.name,
            name=spec.root,
            spec=spec.model_dump(mode="json"),
            fingerprint=index.fingerprint,
            index=folder / "index.json",
        )
        return cls(folder, ref)

    def artifact(self, stage: str, params: Mapping[str, Any], inputs: Mapping[str, Path]) -> Path:
        """The artifact's folder of a run, made now where it is not there.

        Raises SystemExit with the run's own account where it fails.
        """
        whole = make_params(stage, params, inputs)
        sources = {role: path.parent.name for role, path in inputs.items()}
        content = [code_digest(), self.dataset.fingerprint, whole.model_dump(mode="json"), sources]
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        run = self.folder / f"{stage}-{key}"
        if not (run / "output" / MANIFEST_FILE).exists():
            began = time.monotonic()
            roles = CATALOGUE[whole.stage].inputs
            spec = RunSpec(
                job=run.name,
                attempt=1,
                params=whole,
                dataset=self.dataset,
                inputs={
                    role: InputRef(job=path.parent.name, kind=roles[role].kind, path=path)
                    for role, path in inputs.items()
                },
                cache=self.folder / "cache",
            )
            run.mkdir(parents=True, exist_ok=True)
            write_text_atomically(run / SPEC_FILE, spec.model_dump_json(indent=1))
            if main([str(run)]) != 0:
                sys.exit(f"{run} failed: {(run / 'failure.json').read_text()}")
            sys.stderr.write(f"{run.name}: {time.monotonic() - began:.0f} s\n")
        return run / "output"

    def follow(self, steps: Sequence[PlannedStep], *, to: Sequence[str]) -> dict[str, Path]:
        """The artifacts of the steps named in ``to``, and of all that these stand on, by step."""
        wanted = _ancestors(steps, to)
        made: dict[str, Path] = {}
        for step in steps:
            if step.name in wanted:
                inputs = {role: made[source] for role, source in step.inputs.items()}
                made[step.name] = self.artifact(step.stage, step.params, inputs)
        return made

    def report(self, steps: Sequence[PlannedStep], made: Mapping[str, Path]) -> dict[str, Any]:
        """The scores of what is made, by step: `report.json` of an evaluation as the recipe has it."""
        evaluate = next(step for step in steps if step.stage == "evaluate")
        inputs = {
            role: made[source]
            for role, source in evaluate.inputs.items()
            if source in made and role in CATALOGUE["evaluate"].inputs
        }
        folder = self.artifact("evaluate", evaluate.params, inputs)
        report: dict[str, Any] = json.loads((folder / "report.json").read_text())
        return report


def _ancestors(steps: Sequence[PlannedStep], names: Sequence[str]) -> set[str]:
    """``names`` and every step that one of them stands on."""
    wanted = set(names)
    for step in reversed(steps):  # inputs stand before what takes them
        if step.name in wanted:
            wanted.update(step.inputs.values())
    return wanted
