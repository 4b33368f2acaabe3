"""A data set's spec out of a request."""

from __future__ import annotations

from typing import Any

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import FORMATS, make_dataset_spec


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_needs_no_option(format_: str) -> None:
    spec = make_dataset_spec(format_, "/data", {})
    assert (spec.format, spec.root) == (format_, "/data")


@pytest.mark.parametrize(
    ("format_", "options", "fields"),
    [
        ("voc2013", {}, ["format"]),
        ("siim", {"splits": {"val": 3}, "size": 1}, ["options.splits.val", "options.size"]),
        ("voc2012", {"val_list": "val"}, ["options"]),
        ("voc2012", {"root": "/etc"}, ["options.root"]),
    ],
)
def test_problems_name_the_requests_fields(format_: str, options: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        make_dataset_spec(format_, "/data", options)
    assert [problem.field for problem in caught.value.problems] == fields
