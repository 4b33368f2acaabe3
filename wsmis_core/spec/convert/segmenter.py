"""Configs of the segmenters: the tasks `segmentation`, `crf_segmentation` and `pneumothorax_segmentation`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wsmis_core.errors import SpecError
from wsmis_core.spec.convert.keys import Keys
from wsmis_core.spec.convert.training import put_rates, put_training, put_transform, unread_file
from wsmis_core.spec.encoders import IMAGENET_ENCODERS

__all__ = ["put_crf_segmenter", "put_pneumothorax_segmenter", "put_segmenter"]

GROUPS = {1: ("trunk+head",), 2: ("trunk", "head")}
# Published name -> (arch, encoder); None: the encoder has a key of its own.
ARCHS: Mapping[str, tuple[str, str | None]] = {
    "deeplabv3_resnet50": ("deeplabv3_published", "resnet50"),
    "deeplabv3plus_resnet50": ("deeplabv3plus_published", "resnet50"),
    "serexnext_unet": ("unet", "se_resnext50_32x4d"),
    "unet": ("unet", None),
}
LOSSES: Mapping[str, str] = {
    "categorical_cross_entropy": "cross_entropy",
    "binary_cross_entropy": "bce",
    "mean_iou": "iou",
    "binary_dice": "dice",
    "integral_attention_learning": "integral_attention",
    "kldiv": "kl",
}
VOID = 255

IMAGENET = "the published encoders start from ImageNet weights whatever it says, and so does this one"
NO_IMAGENET = (
    "the published {encoder} starts from ImageNet weights, which torchvision has not, and so this one from "
    "none; to start from a file of them, set weights to {{file: PATH, part: trunk}}"
)
SOFT_DICE = "on probabilities: the published one cuts them at .5 first, which leaves no gradient"


def put_segmenter(keys: Keys) -> None:
    """Background and classes, drawn as they come."""
    _put_segmenter(keys)
    keys.put("sampler", "shuffled", key="task")


def put_crf_segmenter(keys: Keys) -> None:
    """The same with the CRF in the loss."""
    put_segmenter(keys)
    if "kl" not in [term["name"] for term in keys.params["loss"]]:
        raise SpecError(
            "the task is crf_segmentation, and no loss is kldiv.",
            field="model.loss",
            remedy="Add one named kldiv, or make the task segmentation.",
        )


def put_pneumothorax_segmenter(keys: Keys) -> None:
    """One class, drawn in balance."""
    _put_segmenter(keys)
    keys.put("sampler", "balanced", key="task")


def _put_segmenter(keys: Keys) -> None:
    put_transform(keys)
    put_training(keys)
    put_rates(keys, GROUPS)
    arch, encoder = keys.choice("model.arch", ARCHS)
    keys.put("arch", arch, key="model.arch")
    if encoder is None:
        keys.put("encoder", keys.needed("model.encoder"), key="model.encoder")
    else:
        keys.put("encoder", encoder, key="model.arch")
    _put_weights(keys, key="model.arch" if encoder else "model.encoder")
    keys.put("loss", _loss(keys), key="model.loss")
    keys.put("targets", "pseudo_labels", key="train.masks")
    for name in ("masks", "mask_path"):
        keys.note(f"train.{name}", "pseudo-labels are a job's: name it as the input pseudo_labels")
        keys.note(f"val.{name}", "true masks come with the data set; they score, and choose nothing")


def _put_weights(keys: Keys, *, key: str) -> None:
    """Where the encoder starts; ``key`` is the one that names it."""
    if keys.typed("model.weights_path", str, remedy="Give a file's path.") is not None:
        keys.note("model.weights_path", unread_file("the published trainings of segmenters do not read it"))
    pretrained = keys.typed("model.pretrained", bool, remedy="Write true or false.")
    encoder = keys.params["encoder"]
    if encoder in IMAGENET_ENCODERS:
        keys.put("weights", "imagenet", key="model.pretrained")
        if not pretrained:
            keys.note("model.pretrained", IMAGENET)
        return
    keys.put("weights", "none", key="model.pretrained")
    keys.note(key, NO_IMAGENET.format(encoder=encoder))
    keys.note("model.pretrained", f"see {key}")


def _loss(keys: Keys) -> list[dict[str, Any]]:
    """The terms: `model.loss` is one, or a list of them."""
    section = "model.loss"
    listed = [f"{section}.{place}" for place in range(len(LOSSES)) if f"{section}.{place}" in keys]
    return [_term(keys, key, place=place) for place, key in enumerate(listed or [section])]


def _term(keys: Keys, section: str, *, place: int) -> dict[str, Any]:
    """One term, from the keys below ``section``; ``place`` is its own among all."""
    name = keys.choice(f"{section}.name", LOSSES)
    term: dict[str, Any] = {"name": name}
    for setting in ("weight", "pos_weight"):
        value = keys.value(f"{section}.{setting}")
        if value is not None:
            term[setting] = value
            keys.trace(f"loss.{place}.{setting}", key=f"{section}.{setting}")
    if keys.value(f"{section}.ignore_index") not in (None, VOID):
        keys.note(f"{section}.ignore_index", f"what is left out here is {VOID}")
    if name == "dice":
        keys.note(f"{section}.name", SOFT_DICE)
    if name == "kl":
        _put_crf(keys, term, place=place)
    return term


def _put_crf(keys: Keys, term: dict[str, Any], *, place: int) -> None:
    """The CRF runs on an image whose sides are divided by `crf.scale_factor`."""
    iterations, factor = keys.value("crf.iterations"), keys.value("crf.scale_factor")
    if iterations is not None:
        term["refine"] = {"name": "crf", "iterations": iterations}
        keys.trace(f"loss.{place}.refine", key="crf.iterations")
    if factor is None:
        return
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 <= factor < math.inf:
        raise SpecError(
            f"{factor!r} is no factor.", field="crf.scale_factor", remedy="Give a number from 1, as in 4."
        )
    term["scale"] = 1 / factor
    keys.trace(f"loss.{place}.scale", key="crf.scale_factor")
