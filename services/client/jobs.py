"""`wsmis submit`, `jobs`, `job`, `watch`, `cancel`, `retry`: single jobs, and pipelines by their id."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from services.client.assignments import min_scores, nested, pairs, step_min_scores
from services.client.connection import AsJson, Url, connected
from services.client.exits import ExitStatus
from services.client.figures import counted, duration, moment, status_text
from services.client.follow import followed_job, followed_pipeline
from services.client.output import Output
from services.client.pipelines import pipeline_ended
from services.client.progress import job_row, reached
from services.client.replies import Job
from wsmis_core.errors import SpecError
from wsmis_core.spec import changed_min_score, read_yaml

__all__ = ["cancel", "job", "job_ended", "jobs", "retry", "submit", "watch"]

PIPELINE_PREFIX = "pl_"

Ident = Annotated[str, typer.Argument(metavar="ID", help="A job's or a pipeline's id.")]


def submit(
    stage: Annotated[str | None, typer.Argument(help="The stage; may stand in the file instead.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name or id.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="ROLE=JOB", help="An input: the job that made it.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="A param of the stage.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="YAML with the request; options are laid over it.")
    ] = None,
    gates: Annotated[
        list[str] | None,
        typer.Option("--min-score", metavar="METRIC=LEAST", help="The job fails below this."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for the job.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher goes first.")] = None,
    gpus: Annotated[int | None, typer.Option(help="How many GPUs; else the service decides.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until the end.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Submit one job. With --wait, exit status 1 if it does not succeed."""
    with connected(url, as_json) as (client, output):
        request = _request(file)
        given = {"stage": stage, "dataset": dataset, "name": name, "priority": priority}
        request |= {key: value for key, value in given.items() if value is not None}
        request["params"] = {**request.get("params", {}), **nested(settings or [])}
        request["inputs"] = {**request.get("inputs", {}), **pairs(inputs or [], option="--input")}
        if gates:
            request["min_score"] = changed_min_score(request.get("min_score", {}), min_scores(gates))
        if gpus is not None:
            request["resources"] = {**request.get("resources", {}), "gpus": gpus}
        made = client.submit(request)
        if wait:
            made = followed_job(client, made["id"], output)
    job_ended(made, output, waited=wait)


def jobs(
    status: Annotated[str | None, typer.Option(help="Only of this status.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only of this stage.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only of this pipeline.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only of this data set.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs, newest first."""
    with connected(url, as_json) as (client, output):
        listed = client.jobs(status=status, stage=stage, pipeline=pipeline, dataset=dataset)
        found = [made for made, _ in zip(listed, range(limit), strict=False)]
        table = Table(Column("id", no_wrap=True), "stage", "name", "status", "progress", "time", "created")
        for made in found:
            row = job_row(made)
            table.add_row(
                made["id"],
                made["stage"],
                made["name"] or "",
                status_text(made["status"]),
                row.figures or row.note,
                duration(made["seconds"]),
                moment(made["created"]),
            )
        output.show(found, table)


def job(
    ident: Annotated[str, typer.Argument(metavar="ID")], url: Url = None, as_json: AsJson = False
) -> None:
    """Show a job: status, attempts, metrics, why it failed."""
    with connected(url, as_json) as (client, output):
        found = client.job(ident)
        output.show(found, *_views(found))


def watch(ident: Ident, url: Url = None, as_json: AsJson = False) -> None:
    """Show the progress of a job or a pipeline until its end. Exit status 1 if it does not succeed."""
    with connected(url, as_json) as (client, output):
        if ident.startswith(PIPELINE_PREFIX):
            pipeline_ended(followed_pipeline(client, ident, output), output, waited=True)
        else:
            job_ended(followed_job(client, ident, output), output, waited=True)


def cancel(ident: Ident, url: Url = None, as_json: AsJson = False) -> None:
    """Cancel a job or a pipeline."""
    with connected(url, as_json) as (client, output):
        changed = client.cancel(_kind(ident), ident)
        output.show(changed, _state(changed))


def retry(
    ident: Ident,
    gates: Annotated[
        list[str] | None,
        typer.Option(
            "--min-score",
            metavar="[STEP.]METRIC=LEAST",
            help="Another least for a gate, null for none; with the step's name for a pipeline.",
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Queue a failed or cancelled job again, or those of a pipeline; finished checkpoints are used.

    A job that its --min-score has stopped goes on with what it has made, under a lower one.
    """
    with connected(url, as_json) as (client, output):
        kind = _kind(ident)
        read = step_min_scores if kind == "pipelines" else min_scores
        changed = client.retry(kind, ident, min_score=read(gates or []))
        output.show(changed, _state(changed))


def job_ended(made: Job, output: Output, *, waited: bool) -> None:
    """Shows the job, and ends with 1 where it was waited for and did not succeed."""
    output.show(made, *_views(made))
    if waited and made["status"] != "succeeded":
        raise typer.Exit(ExitStatus.FAILED)


def _kind(ident: str) -> str:
    return "pipelines" if ident.startswith(PIPELINE_PREFIX) else "jobs"


def _state(changed: Any) -> Text:
    return Text.assemble(changed["id"], " ", status_text(changed["status"]))


def _request(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    request = read_yaml(file)
    if not isinstance(request, dict):
        raise SpecError(
            "it holds no mapping.", field=str(file), remedy="Write stage, dataset, params and so on."
        )
    return request


def _views(made: Job) -> list[Table]:
    row = job_row(made)
    facts = Table.grid(padding=(0, 2))
    facts.add_row("job", made["id"])
    facts.add_row("stage", made["stage"])
    facts.add_row("status", status_text(made["status"]))
    if row.figures:
        facts.add_row("progress", row.figures)
    facts.add_row("dataset", made["dataset"] or "")
    facts.add_row("inputs", ", ".join(f"{role} {source}" for role, source in made["inputs"].items()))
    facts.add_row("metrics", counted(made["metrics"]))
    facts.add_row("time", duration(made["seconds"]))
    if failure := made["failure"]:
        facts.add_row("failure", f"{failure['reason']}: {failure['message']}")
        facts.add_row("field", failure["field"] or "")
        facts.add_row("remedy", failure["remedy"] or f"wsmis logs {made['id']} shows what it said.")
    attempts = Table("attempt", "worker", "started", "finished", "reached", "outcome", "why")
    for attempt in made["attempts"]:
        attempts.add_row(
            str(attempt["number"]),
            attempt["worker"] or "",
            moment(attempt["started"]),
            moment(attempt["finished"]),
            reached(attempt["progress"]) if attempt["progress"] else "",
            attempt["outcome"] or "",
            attempt["failure"]["message"] if attempt["failure"] else "",
        )
    return [facts, attempts] if made["attempts"] else [facts]
