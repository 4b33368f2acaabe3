"""`wsmis up`: the embedded service in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.client.connection import AsJson
from services.client.embedded import up as serve
from services.client.output import Output
from services.client.place import home_folder

__all__ = ["up"]


def up(
    home: Annotated[Path | None, typer.Option(help="Its folder; else WSMIS_HOME or ~/.wsmis.")] = None,
    data_roots: Annotated[
        list[Path] | None,
        typer.Option("--data-root", help="A folder that data sets may lie under; may be given again."),
    ] = None,
    host: Annotated[str, typer.Option(help="The address it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    as_json: AsJson = False,
) -> None:
    """Run the whole service on this machine: API, worker, reconciler, SQLite, Redis.

    Ctrl-C drains and stops it.
    """
    with Output(as_json=as_json).telling():
        status = serve(home=home or home_folder(), data_roots=data_roots or [], host=host, port=port)
    raise typer.Exit(status)
