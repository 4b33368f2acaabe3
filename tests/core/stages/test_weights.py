"""Which files params may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmis_core.engine import Ranks, RunContext, StopRequest, open_events
from wsmis_core.errors import DataError
from wsmis_core.spec import RunSpec
from wsmis_core.spec.stages import TrainClassifier
from wsmis_core.stages.weights import file_below_root


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\0b.pth", "can be no file"),
        ("x" * 256 + ".pth", "can be no file|is no file"),  # which, is the file system's
        ("missing.pth", "is no file"),
        (".", "is no file"),
        ("../outside.pth", "outside the data roots"),
    ],
)
def test_what_can_be_no_file_of_weights_is_told(tmp_path: Path, name: str, why: str) -> None:
    root = tmp_path / "data"
    root.mkdir()
    spec = RunSpec(job="j", attempt=1, params=TrainClassifier(), cache=tmp_path, data_roots=(root,))
    with open_events(tmp_path, speaks=True) as events:
        context = RunContext(spec=spec, folder=tmp_path, ranks=Ranks(), events=events, stop=StopRequest())
        with pytest.raises(DataError, match=why) as raised:
            file_below_root(context, str(root / name), field="params.weights.file")
    assert raised.value.field == "params.weights.file"
    assert raised.value.remedy
