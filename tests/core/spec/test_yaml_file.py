"""What is read of a file that anybody wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import read_yaml

LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{here}: &{here} [{', '.join([f'*{there}'] * 10)}]\n"
    for there, here in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "task: 2020-13-45",
        "task: &a [*a]",
        "model: &m\n  arch: resnet50\n  again: *m",
        "task: " + "[" * 3000 + "]" * 3000,
        "x: " + "{a: " * 100 + "1" + "}" * 100,
        "batch_size: " + "9" * 5000,
        "batch_size: 0x" + "f" * 5000,
        "0x" + "f" * 5000 + ": 1",
        LAUGHS,
        'task: "\\ud800"',
        "task: !!python/object/apply:os.system [echo]",
        "a: b: c",
    ],
)
def test_what_cannot_be_gone_through_is_told_as_no_yaml(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(SpecError, match="it is not YAML") as raised:
        read_yaml(file)
    assert (raised.value.field, bool(raised.value.remedy)) == (str(file), True)


def test_values_in_each_other_and_aliases_are_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("size: &s 320\ntrain: {size: *s, list: [[1], {a: 2020-01-01}]}")
    read = read_yaml(file)
    assert isinstance(read, dict)
    assert read["train"]["size"] == 320
