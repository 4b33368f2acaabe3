"""`wsmis predict`: a trained segmenter on files that no data set holds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from services.client.artifacts import download_shown
from services.client.connection import AsJson, Url, connected
from services.client.follow import followed_job
from services.client.jobs import job_ended
from wsmis_core.spec import Manifest, validate

__all__ = ["predict"]

MASK_SUFFIX = ".png"


def predict(
    segmenter: Annotated[str, typer.Argument(metavar="JOB", help="The train_segmenter job.")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="DICOM, PNG or JPEG, under one of the service's data roots."),
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the masks go.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Segment files: <stem>.png in DIR at each image's own size, pixel = class index."""
    with connected(url, as_json) as (client, output):
        made = client.submit(
            {
                "stage": "predict",
                "inputs": {"segmenter": segmenter},
                "params": {"split": None, "files": [_as_seen(file) for file in files]},
            }
        )
        made = followed_job(client, made["id"], output)
        if made["status"] != "succeeded":
            job_ended(made, output, waited=True)
        manifest = validate(Manifest, client.manifest(made["id"]))
        masks = tuple(entry for entry in manifest.files if PurePosixPath(entry.path).suffix == MASK_SUFFIX)
        written = download_shown(client, made["id"], masks, folder, output)
        told = {"job": made["id"], "masks": [str(path) for path in written]}
        output.show(told, *(str(path) for path in written))


def _as_seen(file: Path) -> str:
    """The whole path of a file of this machine; another one is the service's own and stays as it is."""
    return str(file.resolve() if file.exists() else file)
