"""`wsmis logs`: what a job wrote, also while it writes."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from services.client.connection import AsJson, Url, connected
from services.client.http import Client
from services.client.replies import FINAL

__all__ = ["logs"]

PAUSE_SECONDS = 1.0


def logs(
    ident: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job's end.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt; else the last one.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print a job's log. With --json, one object {job, text} at the end."""
    with connected(url, as_json) as (client, output):
        if follow and not as_json:
            _followed(client, ident, attempt)
            return
        if follow:
            _until_final(client, ident)
        text = client.log(ident, attempt=attempt).decode("utf-8", "replace")
        if as_json:
            output.show({"job": ident, "text": text})
        else:
            _write(text.encode())


def _followed(client: Client, ident: str, attempt: int | None) -> None:
    position, reading = 0, attempt
    while True:
        job = client.job(ident)
        latest = max((tried["number"] for tried in job["attempts"]), default=None)
        if attempt is None and latest != reading:
            position, reading = 0, latest
        if reading is not None:
            fresh = client.log(ident, start=position, attempt=reading)
            position += len(fresh)
            _write(fresh)
        if job["status"] in FINAL:
            return
        time.sleep(PAUSE_SECONDS)


def _until_final(client: Client, ident: str) -> None:
    while client.job(ident)["status"] not in FINAL:
        time.sleep(PAUSE_SECONDS)


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
