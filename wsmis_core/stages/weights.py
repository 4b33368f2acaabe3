"""Weights from a file that the params name, into a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from wsmis_core.engine import RunContext
from wsmis_core.errors import DataError, WeightsError
from wsmis_core.files import sha256_of
from wsmis_core.models.published import NameMap, fill, read_state
from wsmis_core.spec.parts import WeightsFile

__all__ = ["file_below_root", "load_weights"]

_FIELD = "params.weights.file"


def load_weights(
    context: RunContext,
    model: nn.Module,
    weights: WeightsFile,
    names: Sequence[NameMap],
    *,
    trunk: str,
    on_shapes: str = "",
) -> None:
    """Put the tensors of a file into ``model``, or with its part `trunk` those below that prefix of it.

    ``on_shapes`` is said where one has another shape.

    Raises DataError for a file outside the data roots, WeightsError for one that is not as announced,
    cannot be read, or does not fit.
    """
    progress = context.progress("weights", total=1, unit="files")
    path = file_below_root(context, weights.file, field=_FIELD)
    if weights.sha256 is not None and (found := sha256_of(path)) != weights.sha256:
        raise WeightsError(
            f"{path} has the SHA-256 {found}, not {weights.sha256}.",
            field="params.weights.sha256",
            remedy="Name the file that is meant, or its present hash.",
        )
    part = trunk if weights.part == "trunk" else ""
    state = read_state(path, field=_FIELD)
    family = fill(model, state, names, part=part, source=str(path), field=_FIELD, on_shapes=on_shapes)
    context.events.log(f"{weights.file} was read as {family}.")
    progress.advance()


def file_below_root(context: RunContext, name: str, *, field: str) -> Path:
    """The file that params name, links resolved; raises DataError where it is none below a data root."""
    remedy = "Name a file that is there."
    try:
        path = Path(name).resolve()
        is_there = path.is_file()
    except (OSError, ValueError) as error:  # such as a name that is too long, or holds a NUL
        raise DataError(f"{name!r} can be no file: {error}.", field=field, remedy=remedy) from error
    roots = context.spec.data_roots
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise DataError(
            f"{name} lies outside the data roots ({', '.join(map(str, roots)) or 'none'}).",
            field=field,
            remedy="Move the file there, or start the service with its folder as a data root.",
        )
    if not is_there:
        raise DataError(f"{name} is no file.", field=field, remedy=remedy)
    return path
