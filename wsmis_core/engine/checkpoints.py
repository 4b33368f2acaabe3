"""Checkpoints: a training's whole state, in folders that are complete or not there.

    checkpoints/step-00000120/{model.safetensors, optimizer.safetensors, state.json}

`state.json` is written last and holds the hashes of the other two. Random state needs no
file: all randomness is a function of seed, epoch, step, rank and sample.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from wsmis_core.files import sha256_of, sync, write_text_atomically

__all__ = [
    "Checkpoint",
    "TrainingState",
    "adopt_best",
    "latest_checkpoint",
    "load_checkpoint",
    "save_checkpoint",
]

_MODEL, _OPTIMIZER, _STATE = "model.safetensors", "optimizer.safetensors", "state.json"
_KEPT = 2


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where a training stands: ``step`` steps are done, ``batch`` of them in ``epoch``.

    ``sums`` adds up the losses of those ``batch`` steps; ``figures`` are the last epoch's, ``best_figures``
    those of the best one, which ended with ``best_step``.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best_step: int | None = None
    best_figures: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint on disk."""

    folder: Path
    state: TrainingState


def save_checkpoint(
    folder: Path, *, model: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState
) -> Checkpoint:
    """Write a checkpoint below ``folder`` and drop all but the last two and the best."""
    final = folder / f"step-{state.step:08d}"
    temporary = folder / f".{final.name}.part"
    for stale in (temporary, final):
        shutil.rmtree(stale, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file(_contiguous(model.state_dict()), temporary / _MODEL)
    tensors, rest = _flattened(optimizer.state_dict())
    save_file(tensors, temporary / _OPTIMIZER)
    for name in (_MODEL, _OPTIMIZER):
        sync(temporary / name)
    hashes = {name: sha256_of(temporary / name) for name in (_MODEL, _OPTIMIZER)}
    write_text_atomically(
        temporary / _STATE, json.dumps({"training": asdict(state), "optimizer": rest, "sha256": hashes})
    )
    sync(temporary)
    temporary.rename(final)
    sync(folder)
    _prune(folder, best_step=state.best_step)
    return Checkpoint(final, state)


def latest_checkpoint(folders: Sequence[Path]) -> Checkpoint | None:
    """The checkpoint of the highest step in any of ``folders`` whose hashes hold.

    The newest attempt's folder need not have it: it may hold no more than the adopted best.
    """
    found = [candidate for folder in folders for candidate in folder.glob("step-*")]
    for candidate in sorted(found, key=lambda candidate: candidate.name, reverse=True):
        state = _verified_state(candidate)
        if state is not None:
            return Checkpoint(candidate, state)
    return None


def load_checkpoint(
    checkpoint: Checkpoint, *, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Put a checkpoint's tensors into ``model`` and, where given, ``optimizer``."""
    model.load_state_dict(load_file(checkpoint.folder / _MODEL))
    if optimizer is not None:
        rest = json.loads((checkpoint.folder / _STATE).read_text())["optimizer"]
        optimizer.load_state_dict(_unflattened(load_file(checkpoint.folder / _OPTIMIZER), rest))


def adopt_best(best: Path, folder: Path) -> None:
    """Copy an earlier attempt's best checkpoint below ``folder``, where pruning looks after it."""
    target = folder / best.name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{target.name}.part"
        shutil.copytree(best, temporary, dirs_exist_ok=True)
        temporary.rename(target)


def _verified_state(folder: Path) -> TrainingState | None:
    """The state of a checkpoint whose files are whole and of this version, else None."""
    try:
        state = json.loads((folder / _STATE).read_text())
        whole = all(sha256_of(folder / name) == digest for name, digest in state["sha256"].items())
        return TrainingState(**state["training"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _prune(folder: Path, *, best_step: int | None) -> None:
    found = sorted(folder.glob("step-*"))
    kept = {path.name for path in found[-_KEPT:]} | {f"step-{best_step:08d}" if best_step is not None else ""}
    for path in found:
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _flattened(state: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as tensors for safetensors and the rest for JSON."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value.detach().cpu().contiguous()
            else:
                scalars.setdefault(str(index), {})[name] = value
    return tensors, {"scalars": scalars, "param_groups": state["param_groups"]}


def _unflattened(tensors: Mapping[str, Tensor], rest: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {
        int(index): dict(entries) for index, entries in rest["scalars"].items()
    }
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    return {"state": state, "param_groups": rest["param_groups"]}
