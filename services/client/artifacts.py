"""`wsmis artifacts`: what a job left, and its files on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
from rich.table import Table

from services.client.connection import AsJson, Url, connected
from services.client.download import download, downloaded_path
from services.client.figures import counted, moment, size
from services.client.http import Client
from services.client.output import Output
from wsmis_core.spec import MANIFEST_FILE, FileEntry, Manifest, validate

__all__ = ["artifacts", "download_shown"]


def artifacts(
    ident: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--download", metavar="DIR", help="Fetch the files into this folder; goes on where it stopped."
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List a job's files, and fetch them with --download, each checked against its SHA-256."""
    with connected(url, as_json) as (client, output):
        told = client.manifest(ident)
        manifest = validate(Manifest, told)
        if folder is not None:
            files = {entry: downloaded_path(folder, entry.path) for entry in manifest.files}
            folder.mkdir(parents=True, exist_ok=True)
            download_shown(client, ident, files, output)
            text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
            (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
        output.show(told, *_views(manifest, told))


def download_shown(client: Client, job: str, files: Mapping[FileEntry, Path], output: Output) -> list[Path]:
    """The ``files`` at the paths given with them, with a bar of all their bytes."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.notes, disable=not output.notes.is_terminal) as progress:
        bar = progress.add_task("", total=sum(entry.size for entry in files))
        return download(client, job, files, told=lambda count: progress.update(bar, advance=count))


def _views(manifest: Manifest, told: dict[str, Any]) -> list[Table]:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("kind", manifest.kind)
    facts.add_row("job", manifest.job)
    facts.add_row("created", moment(told["created"]))
    facts.add_row("digest", manifest.digest)
    facts.add_row("metrics", counted(manifest.metrics))
    files = Table("file", "size", "sha256")
    for entry in manifest.files:
        files.add_row(entry.path, size(entry.size), entry.sha256)
    return [facts, files]
