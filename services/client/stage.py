"""`wsmis stage`: one stage here and now, without a service."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from services.client.connection import AsJson
from services.client.exits import ExitStatus
from services.client.figures import counted, size
from services.client.output import Output
from wsmis_core.errors import SpecError
from wsmis_core.spec import (
    FAILURE_FILE,
    MANIFEST_FILE,
    TORCHRUN_FOLDER,
    Failure,
    Manifest,
    read_stage_file,
    validate,
)

__all__ = ["stage"]

OUTPUT_FOLDER = "output"
STANDARD_ERROR = 2  # its descriptor


def stage(
    file: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="stage, params, inputs, dataset.")],
    run_folder: Annotated[Path, typer.Option("--run-dir", help="Where checkpoints and the output go.")],
    processes: Annotated[int, typer.Option(min=1, max=64, help="Ranks; one a GPU.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Run one stage on this machine, without a service; a run folder that was begun is gone on with."""
    output = Output(as_json=as_json)
    with output.telling():
        read_stage_file(file)  # what is wrong is told before torch starts
        if importlib.util.find_spec("torch") is None:
            raise SpecError("torch is not installed here.", remedy="Install wsmis[torch].")
        # An earlier try's reason must not pass for this one's.
        (run_folder / FAILURE_FILE).unlink(missing_ok=True)
        status = _run(_command(file, run_folder, processes))
        if status is ExitStatus.DONE:
            _show_result(run_folder, output)
        elif status is ExitStatus.FAILED:
            _show_failure(run_folder, output)
    raise typer.Exit(status)


def _command(file: Path, run_folder: Path, processes: int) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--standalone", f"--nproc-per-node={processes}", f"--log-dir={run_folder / TORCHRUN_FOLDER}"),
        *("-m", "wsmis_core", "stage", str(file), "--run-dir", str(run_folder)),
    ]


def _run(command: Sequence[str]) -> ExitStatus:
    """Waits for ``command`` whatever happens: torchrun must have the time to end its ranks."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        if number == signal.SIGTERM:  # a terminal sends its SIGINT to torchrun itself
            process.terminate()

    # Standard output is for the result: what the stage says goes to standard error.
    with subprocess.Popen(command, stdout=STANDARD_ERROR) as process:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    if stopped:
        return ExitStatus.INTERRUPTED
    return ExitStatus.FAILED if process.returncode else ExitStatus.DONE


def _show_result(run_folder: Path, output: Output) -> None:
    told = _json(run_folder / OUTPUT_FOLDER / MANIFEST_FILE)
    manifest = validate(Manifest, told)
    total = sum(entry.size for entry in manifest.files)
    output.show(
        told,
        f"{manifest.kind}: {len(manifest.files)} files, {size(total)}, in {run_folder / OUTPUT_FOLDER}",
        counted(manifest.metrics),
    )


def _show_failure(run_folder: Path, output: Output) -> None:
    try:
        failure = validate(Failure, _json(run_folder / FAILURE_FILE))
    except FileNotFoundError:
        failure = Failure(reason="crashed", message="the stage ended without a word.", retryable=True)
    where = f"{failure.field}: " if failure.field else ""
    output.show(
        failure.model_dump(mode="json"),
        f"{failure.reason}: {where}{failure.message} {failure.remedy or ''}".rstrip(),
    )


def _json(path: Path) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
