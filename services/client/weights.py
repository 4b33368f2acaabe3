"""`wsmis import-weights`: a published checkpoint, or any other file of weights, as an ordinary artifact."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.client.assignments import nested
from services.client.connection import AsJson, Url, connected
from services.client.follow import followed_job
from services.client.http import Client
from services.client.jobs import job_ended
from services.client.place import seen_path
from wsmis_core.errors import SpecError

__all__ = ["import_weights"]

LONGEST_NAME = 200
# What makes a training an import.
OWN_PARAMS = ("epochs", "weights")


class Kind(StrEnum):
    """What a file can hold: a kind of artifact that `train_<kind>` leaves."""

    CLASSIFIER = "classifier"
    IRNET = "irnet"
    SEGMENTER = "segmenter"


def import_weights(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help=".pth, .h5 or .safetensors, under one of the service's data roots."
        ),
    ],
    kind: Annotated[Kind, typer.Option("--as", help="What it holds.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="Name or id of the data set whose classes it knows; else the only one there is."),
    ] = None,
    arch: Annotated[
        str | None, typer.Option(help="The network, such as resnet50_oaa; else the stage's default.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="A segmenter's encoder; else the stage's default.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAM=VALUE", help="Another param of it, such as image_size=352."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for the job; else the file's.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make an artifact of a file of weights and wait for it. Exit status 1 if they do not fit."""
    with connected(url, as_json) as (client, output):
        given = {"arch": arch, "encoder": encoder}
        params = _settings(settings or []) | {key: value for key, value in given.items() if value is not None}
        made = client.submit(
            {
                "stage": f"train_{kind}",
                "dataset": dataset or _only_dataset(client),
                "params": {**params, "epochs": 0, "weights": _weights(file)},
                "name": name or file.name[:LONGEST_NAME],
            }
        )
        made = followed_job(client, made["id"], output)
    job_ended(made, output, waited=True)


def _settings(words: list[str]) -> dict[str, Any]:
    params = nested(words)
    for name in OWN_PARAMS:
        if name in params:
            raise SpecError(
                f"{name} is what makes this an import, and no setting of it.",
                field="--set",
                remedy="Take it out; or train from the file with `wsmis submit`.",
            )
    return params


def _only_dataset(client: Client) -> str:
    """The data set where there is one; raises SpecError where there is none, or several."""
    found = [dataset for dataset in client.datasets() if dataset["status"] == "ready"]
    if not found:
        raise SpecError(
            "the service has no data set that is ready.",
            field="--dataset",
            remedy="Register the one whose classes the file knows with `wsmis datasets add`.",
        )
    if len(found) > 1:
        names = ", ".join(sorted(dataset["name"] for dataset in found))
        raise SpecError(
            "the service has several data sets.",
            field="--dataset",
            remedy=f"Name the one whose classes the file knows: {names}.",
        )
    return found[0]["id"]


def _weights(file: Path) -> dict[str, str]:
    """The file as the service sees it, with its hash where it lies on this machine too."""
    weights = {"file": seen_path(file)}
    if file.is_file():
        with file.open("rb") as content:
            weights["sha256"] = hashlib.file_digest(content, "sha256").hexdigest()
    return weights
