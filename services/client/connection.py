"""What every command that speaks to the service starts with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from services.client.http import Client
from services.client.output import Output
from services.client.place import service_key, service_url

__all__ = ["AsJson", "Url", "connected"]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The service's address; else WSMIS_URL, else the embedded service's.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]


@contextmanager
def connected(url: str | None, as_json: bool) -> Iterator[tuple[Client, Output]]:
    """The service and the output; errors end the command with their message and exit status."""
    output = Output(as_json=as_json)
    with output.telling(), Client(service_url(url), service_key()) as client:
        yield client, output
