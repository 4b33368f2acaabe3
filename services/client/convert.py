"""`wsmis convert-config`: a config of the published WSMIS code as a request of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from services.client.connection import AsJson
from services.client.output import Output
from wsmis_core.files import write_text_atomically
from wsmis_core.spec import Converted, convert_config, in_one_line, read_yaml

__all__ = ["convert_config_file"]


def convert_config_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML config of the published WSMIS code.")],
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write it; else standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a config of the published WSMIS code into the YAML that submit -f and stage take.

    A line names each key that has no meaning here, and why: in the YAML, with -o also on standard error.
    """
    output = Output(as_json=as_json)
    with output.telling():
        made = convert_config(read_yaml(file))
        text = request_text(made, name=file.name)
        if target is not None:
            write_text_atomically(target, text)
            for note in made.notes:
                output.note(f"{file}: {note}")
        notes = [{"key": note.key, "why": note.why} for note in made.notes]
        shown = str(target) if target else text.rstrip()
        output.show({"stage": made.stage, "params": made.params, "notes": notes}, shown)


def request_text(made: Converted, *, name: str) -> str:
    """The request as YAML, with the notes as comments."""
    inputs = "".join(f" --input {role}=JOB" for role in made.inputs)
    lines = [
        f"# From {in_one_line(name)}, by wsmis convert-config.",
        f"# wsmis submit -f THIS --dataset NAME{inputs}",
        *(["# Without a meaning here, or with another:"] if made.notes else []),
        *(f"#   {note}" for note in made.notes),
    ]
    body = yaml.safe_dump({"stage": made.stage, "params": made.params}, sort_keys=False)
    return "\n".join(lines) + "\n" + body
