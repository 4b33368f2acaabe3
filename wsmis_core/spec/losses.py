"""The loss of a segmenter: a weighted sum of named terms."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import DenseCrf, Pamr

__all__ = [
    "Bce",
    "CrossEntropy",
    "Dice",
    "IntegralAttention",
    "Iou",
    "Kl",
    "Loss",
    "LossTerm",
    "Outputs",
    "PredictionCrf",
    "outputs_of",
]

# `sigmoid`: a channel a class, each for itself. `softmax`: one more, the background's, which is the first.
Outputs = Literal["sigmoid", "softmax"]


class WeighedTerm(Spec):
    """What every term has."""

    needs: ClassVar[Outputs | None] = None  # None: it goes with either

    weight: float = Field(default=1.0, gt=0, le=1e6)


class Bce(WeighedTerm):
    """Binary cross entropy of each class against the rest, mean over the pixels."""

    needs = "sigmoid"

    name: Literal["bce"] = "bce"
    pos_weight: float | None = Field(
        default=None, gt=0, le=1e6, description="factor on the loss of foreground pixels"
    )


class IntegralAttention(WeighedTerm):
    """Binary cross entropy, mean over a class's pixels plus mean over the others (OAA, ICCV 2019)."""

    needs = "sigmoid"

    name: Literal["integral_attention"] = "integral_attention"


class CrossEntropy(WeighedTerm):
    """Cross entropy of background and classes, mean over the pixels."""

    needs = "softmax"

    name: Literal["cross_entropy"] = "cross_entropy"


class Iou(WeighedTerm):
    """One minus the soft IoU of background and classes, mean over them and the images."""

    needs = "softmax"

    name: Literal["iou"] = "iou"


class Dice(WeighedTerm):
    """One minus the soft Dice of each class, mean over classes and images; goes with either outputs."""

    name: Literal["dice"] = "dice"


class PredictionCrf(DenseCrf):
    """The fully connected CRF on a segmenter's own probabilities, in every step of its training."""

    iterations: int = Field(default=4, ge=1, le=100)
    gt_prob: float = Field(
        default=1, gt=0.5, le=1, description="how far the probabilities are trusted; 1: as they are"
    )


class Kl(WeighedTerm):
    """KL divergence of the prediction from itself refined on the image, mean over all pixels.

    It reads no labels, and gives none a gradient through the refinement (SEC, arXiv 1603.06098, eq. 4).
    """

    needs = "softmax"

    name: Literal["kl"] = "kl"
    refine: Annotated[PredictionCrf | Pamr, Field(discriminator="name")] = PredictionCrf()
    scale: float = Field(
        default=0.25, gt=0, le=1, description="of the image's sides, at which both are compared"
    )


LossTerm = Annotated[Bce | IntegralAttention | CrossEntropy | Iou | Dice | Kl, Field(discriminator="name")]

LossName = Literal["bce", "integral_attention", "cross_entropy", "iou", "dice", "kl", "bce_dice"]
_SUMS = {"bce_dice": ("bce", "dice")}


def outputs_of(loss: Sequence[LossTerm]) -> Outputs:
    """The outputs that a segmenter with this loss has."""
    return next((term.needs for term in loss if term.needs is not None), "sigmoid")


def _as_terms(given: object) -> object:
    """Names as terms, and one term as a sum of one."""
    several = given if isinstance(given, list | tuple) else [given]
    if not all(isinstance(one, str | Mapping | BaseModel) for one in several):
        return given  # which the type refuses
    return [term for one in several for term in (_named(one) if isinstance(one, str) else [one])]


def _named(name: str) -> list[dict[str, str]]:
    known = get_args(LossName)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(f"{name!r} is no loss. Use one or several of {', '.join(known)}.{hint}")
    return [{"name": part} for part in _SUMS.get(name, (name,))]


def _go_together(loss: tuple[LossTerm, ...]) -> tuple[LossTerm, ...]:
    if not loss:
        raise ValueError("there is no term. Name one, such as bce.")
    names = [term.name for term in loss]
    if names == ["kl"]:
        raise ValueError("kl reads no labels, so it cannot stand alone. Add cross_entropy or iou.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice. Give it once, with the sum of the weights.")
    softmax, sigmoid = (
        ", ".join(term.name for term in loss if term.needs == outputs) for outputs in ("softmax", "sigmoid")
    )
    if softmax and sigmoid:
        raise ValueError(
            f"a segmenter's outputs are softmax with a background channel ({softmax}) or sigmoid of each "
            f"class ({sigmoid}), not both. Take terms of one kind; dice goes with either."
        )
    return loss


Loss = Annotated[
    tuple[LossTerm, ...],
    Field(description="a name, a term or several of either, whose weighted sum it is"),
    BeforeValidator(_as_terms, json_schema_input_type=LossName | LossTerm | list[LossName | LossTerm]),
    AfterValidator(_go_together),
]
