"""State dicts from files, without running what a file may hold."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from wsmis_core.errors import WeightsError

__all__ = ["read_state"]

_HEAD = 64  # bytes, by which files are told apart
_ZIP = b"PK\x03\x04"
_LEGACY = torch.serialization.MAGIC_NUMBER.to_bytes(10, "little")  # early in torch files that are no ZIP
_LONGEST_HEADER = 100_000_000  # bytes, of a safetensors file
_REMEDY = "Give a .safetensors file, or a torch file with a state dict."
_DOWNLOAD = "Download the file itself: a page was saved in its place, such as an error or a login."
# By its first bytes in lower case: what is at times given for weights, and the remedy.
_MISTAKEN: Mapping[bytes, tuple[str, str]] = {
    b"<!doctype html": ("an HTML page", _DOWNLOAD),
    b"<html": ("an HTML page", _DOWNLOAD),
    b"version https://git-lfs": ("a git-lfs pointer", "Fetch the file that it stands for: git lfs pull."),
    b"\x89hdf\r\n\x1a\n": ("HDF5; the .h5 files of WSMIS are torch files", _REMEDY),
}
# Under these keys training scripts keep the state dict beside other things.
_MODEL_KEYS = ("model", "state_dict")
# Names that wrappers put before all others: DataParallel, and a class that holds a library's model.
_WRAPPERS = ("module.", "model.")
# DenseNets of before torch 0.4 have a dot that torchvision, which still publishes them, takes out on loading.
_OLD_DENSENET = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.([12])(?=\.)")


def read_state(path: Path, *, field: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a torch file with a state dict, bare or under `model`.

    Raises WeightsError where it is neither, or needs code of its own to be read.
    """
    state = _state_dict(_held(path, field))
    if not state:
        raise _unreadable(path, field, "it holds no state dict: no tensors by name")
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): tensor for name, tensor in state.items()}
    return {_OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in state.items()}


def _held(path: Path, field: str) -> object:
    """What the file holds."""
    try:
        _check_head(path, field)
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is broken, or holds more than tensors, and reading it would run code from it.",
            field=field,
            remedy="Where you trust it, load it with torch and save its state dict alone.",
        ) from error
    except Exception as error:  # the readers trip over a broken file in many ways
        raise _unreadable(path, field, f"{type(error).__name__}: {error}") from error


def _check_head(path: Path, field: str) -> None:
    """Raise WeightsError where the first bytes are not those of such a file."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for start, (what, remedy) in _MISTAKEN.items():
        if head.lstrip().lower().startswith(start):
            raise _unreadable(path, field, f"it is no file of weights but {what}", remedy)
    if path.suffix == ".safetensors" or head.startswith(_ZIP) or _LEGACY in head:
        return
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LONGEST_HEADER:
        remedy = "Give it a name that ends in .safetensors."
        raise _unreadable(path, field, "it is no torch file but a safetensors file", remedy)
    raise _unreadable(path, field, "it is no torch file")


def _state_dict(held: object) -> dict[str, Tensor]:
    """The state dict that a file's content is or has; empty where there is none."""
    if not isinstance(held, Mapping):
        return {}
    for key in _MODEL_KEYS:
        if isinstance(inner := held.get(key), Mapping):
            held = inner
    if not all(isinstance(tensor, Tensor) for tensor in held.values()):
        return {}
    return {str(name): tensor for name, tensor in held.items()}


def _unreadable(path: Path, field: str, why: str, remedy: str = _REMEDY) -> WeightsError:
    return WeightsError(f"{path} cannot be read as weights: {why}.", field=field, remedy=remedy)
