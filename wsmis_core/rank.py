"""One rank of one attempt at a job.

    python -m wsmis_core RUN_DIR                        the attempt that RUN_DIR/spec.json describes
    python -m wsmis_core stage SPEC.yaml --run-dir DIR  one stage here and now, without a service

Exit status 0: done, output/manifest.json is there. 75: stopped on request, go on from the
checkpoint. Else failure.json says why.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path

import structlog

from wsmis_core.engine import (
    STOPPED_EXIT_CODE,
    RunContext,
    Stopped,
    joined_ranks,
    open_events,
    stop_on_sigterm,
    write_manifest,
)
from wsmis_core.errors import WsmisError
from wsmis_core.files import write_text_atomically
from wsmis_core.spec import FAILURE_FILE, SPEC_FILE, Failure, RunSpec, validate
from wsmis_core.stages import prepare_local_run, stage_run

_log = structlog.get_logger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run one rank of one attempt, and return its exit status."""
    folder, local_spec = _parsed(arguments)
    structlog.contextvars.bind_contextvars(rank=int(os.environ.get("RANK", "0")))
    try:
        return _run(folder, local_spec)
    except Exception as error:
        return _failed(folder, error)


def _parsed(arguments: list[str] | None) -> tuple[Path, Path | None]:
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m wsmis_core", description=__doc__)
    if given[:1] == ["stage"]:
        parser.add_argument("spec", type=Path)
        parser.add_argument("--run-dir", type=Path, required=True)
        parsed = parser.parse_args(given[1:])
        return parsed.run_dir, parsed.spec
    parser.add_argument("run_dir", type=Path)
    return parser.parse_args(given).run_dir, None


def _run(folder: Path, local_spec: Path | None) -> int:
    with stop_on_sigterm() as stop, joined_ranks() as ranks:
        if local_spec is not None and ranks.is_main:
            prepare_local_run(local_spec, folder)
        ranks.wait()
        spec = validate(RunSpec, json.loads((folder / SPEC_FILE).read_text()))
        structlog.contextvars.bind_contextvars(job_id=spec.job, stage=spec.params.stage)
        with open_events(folder, speaks=ranks.is_main) as events:
            context = RunContext(spec=spec, folder=folder, ranks=ranks, events=events, stop=stop)
            context.output.mkdir(parents=True, exist_ok=True)
            _log.info("started", world_size=ranks.world_size, device=str(ranks.device))
            try:
                _run_stage(context)
            except Stopped:
                _log.info("stopped on request; a later attempt goes on from here")
                return STOPPED_EXIT_CODE
    return 0


def _run_stage(context: RunContext) -> None:
    ranks = context.ranks
    result = stage_run(context.spec.params.stage)(context, context.spec.params)
    ranks.wait()
    if ranks.is_main:
        manifest = write_manifest(context, result)
        _log.info("finished", files=len(manifest.files), digest=manifest.digest, **manifest.metrics)
    ranks.wait()


def _failed(folder: Path, error: Exception) -> int:
    """Write why, unless another rank was first; tell the log all of it."""
    if isinstance(error, WsmisError):
        failure = Failure(
            reason=error.reason,
            message=error.message,
            field=error.field,
            remedy=error.remedy,
            retryable=False,
        )
    else:
        failure = Failure(
            reason="crashed",
            message=f"{type(error).__name__}: {error}",
            remedy="See the log; if it is no fault of the host, please report it.",
            retryable=True,
        )
    sys.stderr.write("".join(traceback.format_exception(error)))
    _log.error("failed", reason=failure.reason, message=failure.message)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FAILURE_FILE).exists():
        write_text_atomically(folder / FAILURE_FILE, failure.model_dump_json(indent=1))
    return 1
