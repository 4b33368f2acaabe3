"""`wsmis predict`: a trained segmenter on files that no data set holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.client.artifacts import download_shown
from services.client.connection import AsJson, Url, connected
from services.client.download import downloaded_path
from services.client.follow import followed_job
from services.client.jobs import job_ended
from services.client.place import seen_path
from wsmis_core.spec import Manifest, validate

__all__ = ["predict"]

# Where the stage puts them in its artifact.
MASKS_FOLDER = "masks/"


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
                "params": {"split": None, "files": [seen_path(file) for file in files]},
            }
        )
        made = followed_job(client, made["id"], output)
        if made["status"] != "succeeded":
            job_ended(made, output, waited=True)
        manifest = validate(Manifest, client.manifest(made["id"]))
        masks = {
            entry: downloaded_path(folder, entry.path.removeprefix(MASKS_FOLDER))
            for entry in manifest.files
            if entry.path.startswith(MASKS_FOLDER)
        }
        written = download_shown(client, made["id"], masks, output)
        told = {"job": made["id"], "masks": [str(path) for path in written]}
        output.show(told, *(str(path) for path in written))
