"""What can be read as weights, and what is told of the rest; nothing in a file is ever run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from wsmis_core.errors import WeightsError
from wsmis_core.models.state_dicts import read_state

STATE = {"a.weight": torch.ones(2), "b.bias": torch.zeros(3)}


@pytest.mark.parametrize(
    "held",
    [
        STATE,
        {"model": STATE, "optimizer": {"lr": 0.1}},
        {"state_dict": STATE},
        {"model": {f"module.model.{name}": tensor for name, tensor in STATE.items()}},
        {f"model.{name}": tensor for name, tensor in STATE.items()},
    ],
)
@pytest.mark.parametrize("name", ["weights.pth", "weights.h5"])
def test_state_dicts_however_they_are_wrapped(tmp_path: Path, held: Any, name: str) -> None:
    torch.save(held, tmp_path / name)
    state = read_state(tmp_path / name, field="f")
    assert {key: tensor.tolist() for key, tensor in state.items()} == {
        "a.weight": [1, 1],
        "b.bias": [0, 0, 0],
    }


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "weights.safetensors")
    assert set(read_state(tmp_path / "weights.safetensors", field="f")) == set(STATE)


class Harmful:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    torch.save({"model": STATE, "extra": Harmful(tmp_path / "was here")}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="would run code") as raised:
        read_state(tmp_path / "weights.pth", field="params.weights.file")
    assert raised.value.field == "params.weights.file"
    assert not (tmp_path / "was here").exists()


def torch_file(held: object) -> bytes:
    file = io.BytesIO()
    torch.save(held, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("weights.h5", b"\x89HDF\r\n\x1a\n0000", "but HDF5"),
        ("weights.pth", b"", "it is no torch file"),
        ("weights.pth", b"\x80\x02 whatever", "it is no torch file"),
        ("weights.pth", b"PK\x03\x04 whatever", "cannot be read as weights"),
        ("weights.pth", b"PK not a zip", "weights"),
        ("weights.pth", torch_file([1, 2]), "no state dict"),
        ("weights.safetensors", b"0", "cannot be read as weights"),
        ("missing.pth", None, "No such file"),
    ],
)
def test_what_is_no_file_of_weights(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=why) as raised:
        read_state(tmp_path / name, field="f")
    assert raised.value.remedy


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n"


@pytest.mark.parametrize(
    ("name", "content", "what", "remedy"),
    [
        ("weights.pth", b"\n<!DOCTYPE html><html>not found</html>", "an HTML page", "Download"),
        ("weights.safetensors", b"<html><body>log in</body></html>", "an HTML page", "Download"),
        ("weights.pth", LFS_POINTER, "a git-lfs pointer", "git lfs pull"),
        ("weights.safetensors", LFS_POINTER, "a git-lfs pointer", "git lfs pull"),
        ("weights.bin", save(STATE), "a safetensors file", "ends in .safetensors"),
    ],
)
def test_what_is_mistaken_for_weights_is_named(
    tmp_path: Path, name: str, content: bytes, what: str, remedy: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"cannot be read as weights: it is no .* but {what}") as raised:
        read_state(tmp_path / name, field="f")
    assert remedy in str(raised.value.remedy)


def broken(whole: bytes) -> Iterator[bytes]:
    """Cut short, and with one byte of the pickle changed."""
    for length in (len(whole) // 2, len(whole) - 20):
        yield whole[:length]
    start = whole.find(b"ctorch._utils")
    for place in range(start - 40, start + 60):
        yield whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]


@pytest.mark.parametrize("legacy", [False, True])
def test_whatever_a_broken_file_makes_torch_stumble_over_is_told(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"model": STATE}, path, _use_new_zipfile_serialization=not legacy)
    told = 0
    for content in broken(path.read_bytes()):
        path.write_bytes(content)
        try:
            read_state(path, field="f")  # a byte may be one that changes nothing
        except WeightsError:
            told += 1
    assert told > 20


def test_densenets_of_before_their_names_lost_a_dot(tmp_path: Path) -> None:
    layer = "features.denseblock1.denselayer12"
    old = {f"{layer}.norm.1.weight": torch.ones(2), f"{layer}.conv.2.weight": torch.ones(2)}
    torch.save(old | {"block.norm.1.weight": torch.ones(1)}, tmp_path / "weights.pth")
    assert set(read_state(tmp_path / "weights.pth", field="f")) == {
        f"{layer}.norm1.weight",
        f"{layer}.conv2.weight",
        "block.norm.1.weight",
    }


def test_torch_files_of_before_they_were_zip(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "weights.pth", _use_new_zipfile_serialization=False)
    assert set(read_state(tmp_path / "weights.pth", field="f")) == set(STATE)
