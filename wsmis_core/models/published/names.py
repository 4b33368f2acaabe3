"""From the names of a file to those of a model of ours, every tensor accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from wsmis_core.errors import WeightsError

__all__ = ["NameMap", "fill"]

# How many steps a batch norm has seen: not a weight, and not in older files.
_COUNTER = "num_batches_tracked"
_SHOWN = 20
_SHAPE = "of another shape"
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
# A statistic of a batch norm that has no meaning below 0.
_VARIANCE = "running_var"


@dataclass(frozen=True, slots=True)
class NameMap:
    """How one family of files names its tensors: ``places`` are prefixes there and here.

    The longest prefix that fits counts. Several may lead to one place: modules that hang in several
    containers are stored once for each, and these twins must agree.
    """

    family: str
    places: Mapping[str, str]
    left_out: tuple[str, ...] = ()  # patterns of the whole names of what the models here do not have


@dataclass(slots=True)
class _Match:
    """What became of a file's tensors under one name map."""

    family: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)

    def add(self, problem: str, detail: str) -> None:
        self.problems.setdefault(problem, []).append(detail)

    @property
    def count(self) -> int:
        return sum(map(len, self.problems.values()))


def fill(
    model: nn.Module,
    state: Mapping[str, Tensor],
    maps: Sequence[NameMap],
    *,
    part: str = "",
    source: str,
    field: str,
    on_shapes: str = "",
) -> str:
    """Put the tensors of a file into ``model``, or those below ``part`` of it; returns the family's name.

    The map that leaves the fewest questions is used. ``on_shapes`` is what a wrong shape may come from.

    Raises:
        WeightsError: a tensor is missing, one too many, of another shape or type, not finite, or differs
            from its twin.
    """
    like = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(part)}
    matches = [_matched(state, one, like=like, part=part) for one in maps]
    best = min(matches, key=lambda match: match.count)
    if best.problems:
        told = "; ".join(f"{problem}: {_listed(details)}" for problem, details in best.problems.items())
        raise WeightsError(
            f"{source} does not fit when read as {best.family}; {told}.",
            field=field,
            remedy=f"Give the file of this very model; {' or '.join(one.family for one in maps)} is read. "
            "Where only its trunk is wanted, set part to trunk."
            + (f" {on_shapes}" if on_shapes and _SHAPE in best.problems else ""),
        )
    model.load_state_dict({**model.state_dict(), **best.tensors})
    return best.family


def _matched(state: Mapping[str, Tensor], names: NameMap, *, like: Mapping[str, Tensor], part: str) -> _Match:
    match = _Match(names.family)
    first: dict[str, str] = {}
    for theirs, tensor in state.items():
        if any(re.fullmatch(pattern, theirs) for pattern in names.left_out):
            continue
        ours = _place(theirs, names.places)
        if ours is None or (ours.startswith(part) and ours not in like):
            match.add("not known", theirs)
        elif ours in like:
            first.setdefault(ours, theirs)
            try:
                fitted = _fitted(theirs, tensor, like[ours])
            except _MisfitError as misfit:
                match.add(*misfit.args)
                continue
            kept = match.tensors.setdefault(ours, fitted)
            if kept is not fitted and not torch.equal(kept, fitted):
                match.add("not the same as its twin", f"{theirs} and {first[ours]}")
    for ours in like:
        if ours not in first and not ours.endswith(_COUNTER):
            match.add("missing", _published(ours, names.places))
    return match


def _place(name: str, places: Mapping[str, str]) -> str | None:
    fitting = [prefix for prefix in places if name.startswith(prefix)]
    if not fitting:
        return None
    longest = max(fitting, key=len)
    return places[longest] + name[len(longest) :]


def _published(ours: str, places: Mapping[str, str]) -> str:
    """The first name that a file may give a tensor of ours; our own where the family has no word for it."""
    for theirs, place in places.items():
        if ours.startswith(place):
            return theirs + ours[len(place) :]
    return ours


class _MisfitError(Exception):
    """Why a tensor is none of the model's: the problem, and what is told of the tensor."""


def _fitted(name: str, tensor: Tensor, like: Tensor) -> Tensor:
    """The tensor in the model's type; raises _MisfitError where it is not one of the model's.

    A 1x1 convolution becomes the linear layer that it is, where that is wanted. Nothing is converted
    before its shape is known to be the model's: a file may claim any size.
    """
    if tensor.is_nested or tensor.is_quantized or tensor.is_meta or tensor.layout != torch.strided:
        raise _MisfitError("not a plain tensor", name)
    if tensor.dim() == 4 and like.dim() == 2 and tensor.shape[2:] == (1, 1):
        tensor = tensor[:, :, 0, 0]
    if tensor.shape != like.shape:
        raise _MisfitError(_SHAPE, f"{name} {tuple(tensor.shape)}, not {tuple(like.shape)}")
    if tensor.dtype not in (_FLOATS if like.is_floating_point() else _INTEGERS):
        raise _MisfitError("of another type", f"{name} {tensor.dtype}, not {like.dtype}")
    fitted = tensor.to(like.dtype)
    if not fitted.isfinite().all():
        raise _MisfitError("not finite", name)
    if name.endswith(_VARIANCE) and (fitted < 0).any():
        raise _MisfitError("a variance below 0", name)
    return fitted


def _listed(details: Iterable[str]) -> str:
    all_of_them = list(details)
    more = len(all_of_them) - _SHOWN
    return ", ".join(all_of_them[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
