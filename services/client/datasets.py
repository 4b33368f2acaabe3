"""`wsmis datasets`: register a folder, look at what was found in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from services.client.assignments import nested
from services.client.connection import AsJson, Url, connected
from services.client.exits import ExitStatus
from services.client.figures import counted, moment, status_text
from services.client.follow import followed_dataset
from services.client.place import seen_path
from services.client.replies import Dataset
from wsmis_core.spec import FORMATS

__all__ = ["datasets"]

datasets = typer.Typer(help="Data sets: list, register (add), look at one (show).", rich_markup_mode=None)


@datasets.callback(invoke_without_command=True)
def listed(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """List the data sets."""
    if context.invoked_subcommand:
        if url or as_json:
            raise typer.BadParameter(f"give --url and --json behind {context.invoked_subcommand}.")
        return
    with connected(url, as_json) as (client, output):
        found = list(client.datasets())
        table = Table(
            Column("id", no_wrap=True), "name", "format", "status", "images", "splits", "registered"
        )
        for dataset in found:
            table.add_row(
                dataset["id"],
                dataset["name"],
                dataset["format"],
                status_text(dataset["status"]),
                str((dataset["counts"] or {}).get("images", "")),
                counted(dataset["splits"]),
                moment(dataset["created"]),
            )
        output.show(found, table)


@datasets.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for it.")],
    root: Annotated[Path, typer.Argument(help="Its folder, as the service sees it.")],
    format_: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")],
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the format.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until every file is checked.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Register a folder: a worker reads every file and lists every problem.

    With --wait, exit status 1 if it is invalid.
    """
    with connected(url, as_json) as (client, output):
        dataset = client.add_dataset(
            name=name, format=format_, root=seen_path(root), options=nested(options or [], option="--option")
        )
        if wait:
            dataset = followed_dataset(client, dataset["id"], output)
        output.show(dataset, *_views(dataset))
    if wait and dataset["status"] == "invalid":
        raise typer.Exit(ExitStatus.FAILED)


@datasets.command()
def show(
    dataset: Annotated[str, typer.Argument(help="Name or id.")], url: Url = None, as_json: AsJson = False
) -> None:
    """Show a data set: counts, classes, splits, and the problems of its files."""
    with connected(url, as_json) as (client, output):
        found = client.dataset(dataset)
        output.show(found, *_views(found))


def _views(dataset: Dataset) -> list[Table]:
    truths = (("masks", dataset["has_masks"]), ("boxes", dataset["has_boxes"]))
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("id", dataset["id"]),
        ("name", dataset["name"]),
        ("status", status_text(dataset["status"])),
        ("root", f"{dataset['root']} ({dataset['format']})"),
        ("counts", counted(dataset["counts"])),
        ("labels", counted(dataset["labels"])),
        ("splits", counted(dataset["splits"])),
        ("truth", ", ".join(name for name, there in truths if there) or "labels alone"),
        ("problems", str(dataset["problems_total"])),
    ):
        facts.add_row(name, value)
    if not dataset["problems"]:
        return [facts]
    problems = Table("severity", "file", "problem", "remedy")
    for problem in dataset["problems"]:
        problems.add_row(
            problem["severity"], problem["file"] or "", problem["message"], problem["remedy"] or ""
        )
    return [facts, problems]
