"""`wsmis run`, `pipelines`, `pipeline`: a whole recipe on a data set."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from services.client.assignments import step_min_scores, step_params
from services.client.connection import AsJson, Url, connected
from services.client.exits import ExitStatus
from services.client.figures import counted, duration, moment, status_text
from services.client.follow import followed_pipeline
from services.client.output import Output
from services.client.replies import Pipeline
from wsmis_core.spec import recipe_names

__all__ = ["pipeline", "pipeline_ended", "pipelines", "run"]


def run(
    recipe: Annotated[str, typer.Argument(help=f"One of {', '.join(recipe_names())}.")],
    dataset: Annotated[str, typer.Argument(help="Name or id of a registered data set.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STEP.PARAM=VALUE", help="A step's param; '*' stands for every step."),
    ] = None,
    gates: Annotated[
        list[str] | None,
        typer.Option(
            "--min-score",
            metavar="STEP.METRIC=LEAST",
            help="The pipeline stops behind a step whose metric is below this.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for the pipeline.")] = None,
    priority: Annotated[int, typer.Option(help="Higher goes first.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until the end.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Run a recipe on a data set. With --wait, exit status 1 if it does not succeed."""
    with connected(url, as_json) as (client, output):
        made = client.run(
            {
                "recipe": recipe,
                "dataset": dataset,
                "params": step_params(settings or []),
                "min_score": step_min_scores(gates or []),
                "name": name,
                "priority": priority,
            }
        )
        if wait:
            output.note(f"{made['id']}: Ctrl-C ends the waiting only; wsmis cancel ends the pipeline.")
            made = followed_pipeline(client, made["id"], output)
    pipeline_ended(made, output, waited=wait)


def pipeline_ended(made: Pipeline, output: Output, *, waited: bool) -> None:
    """Shows the pipeline, and ends with 1 where it was waited for and did not succeed."""
    output.show(made, *_views(made))
    if waited and made["status"] != "succeeded":
        raise typer.Exit(ExitStatus.FAILED)


def pipelines(url: Url = None, as_json: AsJson = False) -> None:
    """List the pipelines, newest first."""
    with connected(url, as_json) as (client, output):
        found = list(client.pipelines())
        table = Table(Column("id", no_wrap=True), "name", "recipe", "dataset", "status", "jobs", "created")
        for one in found:
            done = sum(job["status"] == "succeeded" for job in one["jobs"])
            table.add_row(
                one["id"],
                one["name"] or "",
                one["recipe"],
                one["dataset"],
                status_text(one["status"]),
                f"{done}/{len(one['jobs'])}",
                moment(one["created"]),
            )
        output.show(found, table)


def pipeline(
    ident: Annotated[str, typer.Argument(metavar="ID")], url: Url = None, as_json: AsJson = False
) -> None:
    """Show a pipeline and its jobs."""
    with connected(url, as_json) as (client, output):
        found = client.pipeline(ident)
        output.show(found, *_views(found))


def _views(made: Pipeline) -> list[Table]:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("pipeline", made["id"])
    facts.add_row("recipe", made["recipe"])
    facts.add_row("dataset", made["dataset"])
    facts.add_row("status", status_text(made["status"]))
    if failure := made["failure"]:
        facts.add_row("failure", f"{failure['step']}: {failure['reason']}: {failure['message']}")
        facts.add_row("remedy", failure["remedy"] or f"wsmis logs {failure['job']} shows what it said.")
    jobs = Table("step", Column("job", no_wrap=True), "status", "time", "result")
    for job in made["jobs"]:
        jobs.add_row(
            job["step"],
            job["id"],
            status_text(job["status"]),
            "cached" if job["cached"] else duration(job["seconds"]),
            job["failure"]["message"] if job["failure"] else counted(job["metrics"]),
        )
    return [facts, jobs]
