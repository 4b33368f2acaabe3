"""Files outside a data set that params name."""

from __future__ import annotations

from collections.abc import Mapping

from wsmis_core.spec import stages
from wsmis_core.spec.parts import WeightsFile

__all__ = ["has_unknown_content", "named_files"]


def named_files(params: stages.Params) -> Mapping[str, str]:
    """The paths by their field."""
    if isinstance(params, stages.Predict):
        return {f"files.{place}": file for place, file in enumerate(params.files)}
    weights = _weights(params)
    return {} if weights is None else {"weights.file": weights.file}


def has_unknown_content(params: stages.Params) -> bool:
    """Whether the same params may mean other bytes tomorrow, so that a result cannot be reused."""
    weights = _weights(params)
    return bool(named_files(params)) and (weights is None or weights.sha256 is None)


def _weights(params: stages.Params) -> WeightsFile | None:
    weights = getattr(params, "weights", None)
    return weights if isinstance(weights, WeightsFile) else None
