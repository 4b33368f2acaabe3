"""The `wsmis` command."""

from __future__ import annotations

import typer

from services.client.artifacts import artifacts
from services.client.convert import convert_config_file
from services.client.datasets import datasets
from services.client.jobs import cancel, job, jobs, retry, submit, watch
from services.client.logs import logs
from services.client.pipelines import pipeline, pipelines, run
from services.client.predictions import predict
from services.client.stage import stage
from services.client.up import up
from services.client.weights import import_weights

__all__ = ["app", "main"]

app = typer.Typer(
    help="Image labels in, pixel masks out. "
    "Exit status: 0 done, 1 the job failed, 2 wrong use, 3 no service.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets, name="datasets")
for command in (
    up,
    run,
    submit,
    pipelines,
    pipeline,
    jobs,
    job,
    watch,
    logs,
    cancel,
    retry,
    artifacts,
    predict,
    import_weights,
    stage,
):
    app.command()(command)
app.command("convert-config")(convert_config_file)


def main() -> None:
    """The entry point `wsmis`."""
    app()
