"""From the names of a file to those of a model of ours, every tensor accounted for."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class NameMap:
    """How one family of files names its tensors: ``places`` are prefixes there and here.

    The longest prefix that fits counts. Several may lead to one place: modules that hang in several
    containers are stored once for each, and these twins must agree.
    """

    family: str
    places: Mapping[str, str]
    left_out: tuple[str, ...] = ()  # prefixes of what the models here do not have


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
        WeightsError: a tensor is missing, one too many, of another shape, or differs from its twin.
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
        if theirs.startswith(names.left_out):
            continue
        ours = _place(theirs, names.places)
        if ours is None or (ours.startswith(part) and ours not in like):
            match.add("not known", theirs)
        elif ours in like:
            tensor = _shaped(tensor, like[ours])
            if ours not in first:
                first[ours] = theirs
                match.tensors[ours] = tensor
                if tensor.shape != like[ours].shape:
                    shapes = f"{tuple(tensor.shape)}, not {tuple(like[ours].shape)}"
                    match.add(_SHAPE, f"{theirs} {shapes}")
            elif not torch.equal(tensor, match.tensors[ours]):
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


def _shaped(tensor: Tensor, like: Tensor) -> Tensor:
    """A 1x1 convolution as the linear layer that it is, where that is wanted; in the model's type."""
    if tensor.dim() == 4 and like.dim() == 2 and tensor.shape[2:] == (1, 1):
        tensor = tensor.flatten(1)
    return tensor.to(like.dtype)


def _listed(details: Iterable[str]) -> str:
    all_of_them = list(details)
    more = len(all_of_them) - _SHOWN
    return ", ".join(all_of_them[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
