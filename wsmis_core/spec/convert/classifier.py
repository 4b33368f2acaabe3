"""Configs of the classifiers: the tasks `cam_generation` and `pneumothorax_classification`."""

from __future__ import annotations

from collections.abc import Mapping

from wsmis_core.spec.convert.keys import Keys
from wsmis_core.spec.convert.training import put_rates, put_training, put_transform, unread_file

__all__ = ["put_multi_label_classifier", "put_pneumothorax_classifier"]

GROUPS = {
    1: ("trunk_weights+trunk_biases+head_weights+head_biases",),
    2: ("trunk_weights+trunk_biases", "head_weights+head_biases"),
    4: ("trunk_weights", "trunk_biases", "head_weights", "head_biases"),
}
# Published name -> ours.
ARCHS: Mapping[str, str] = {
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet50_full": "resnet50_full",
    "resnet50_oaa": "resnet50_oaa",
    "resnet_oaa": "resnet50_oaa",
    "resnet_gap": "resnet_gap",
    "resnet50_dropblock": "resnet50",
    "resnet50_dropblock_scheduler": "resnet50",
    "vgg_gap": "vgg16",
    "vgg16": "vgg16",
}
# What the published code builds without DropBlock, whatever the config says.
IGNORED_THERE = frozenset(ARCHS) - {"resnet50_dropblock", "resnet50_dropblock_scheduler"}
# For what the published code reads `weights_path`, and what starts from ImageNet whatever `pretrained` says.
READ_WEIGHTS_THERE = frozenset({"resnet34", "resnet50"})
IMAGENET_THERE = frozenset({"resnet_gap"})
RAMP_STEPS = 10  # in the published code, not in its configs


def put_multi_label_classifier(keys: Keys) -> None:
    """Several classes an image, drawn as they come."""
    _put_classifier(keys)
    keys.put("sampler", "shuffled", key="task")


def put_pneumothorax_classifier(keys: Keys) -> None:
    """One class, drawn in balance."""
    _put_classifier(keys)
    keys.put("sampler", "balanced", key="task")


def _put_classifier(keys: Keys) -> None:
    put_transform(keys)
    put_training(keys)
    put_rates(keys, GROUPS)
    keys.put("arch", keys.choice("model.arch", ARCHS), key="model.arch")
    _put_weights(keys)
    _put_dropblock(keys)
    keys.choice("model.loss.name", {"binary_cross_entropy": None})
    if keys.value("model.loss.pos_weight") is not None:
        keys.put("pos_weight", keys.value("model.loss.pos_weight"), key="model.loss.pos_weight")


def _put_weights(keys: Keys) -> None:
    arch = _arch(keys)
    file = keys.typed("model.weights_path", str, remedy="Give a file's path.")
    pretrained = keys.typed("model.pretrained", bool, remedy="Write true or false.")
    if file is not None and pretrained and arch in READ_WEIGHTS_THERE:
        keys.put("weights", {"file": file}, key="model.weights_path")
        keys.note("model.pretrained", "the weights come from model.weights_path")
        return
    if file is not None:
        unless = "unless model.pretrained is true" if arch in READ_WEIGHTS_THERE else "at all"
        keys.note("model.weights_path", unread_file(f"the published {arch} does not read it {unless}"))
    always = arch in IMAGENET_THERE
    if always and not pretrained:
        keys.note("model.pretrained", f"the published {arch} starts from ImageNet's weights all the same")
    keys.put("weights", "imagenet" if pretrained or always else "none", key="model.pretrained")


def _arch(keys: Keys) -> str:
    """The published name."""
    return str(keys.value("model.arch")).lower()


def _put_dropblock(keys: Keys) -> None:
    arch = _arch(keys)
    if "model.regularize" not in keys:
        keys.put("dropblock", None, key="model.regularize")
        return
    keys.choice("model.regularize.name", {"DropBlock": None, "dropblock": None})
    if arch in IGNORED_THERE:
        keys.note("model.regularize.name", f"the published {arch} has none all the same; this one has")
    section = "model.regularize.parameters"
    for name in ("drop_prob", "block_size"):
        keys.put(f"dropblock.{name}", keys.needed(f"{section}.{name}"), key=f"{section}.{name}")
    if arch == "resnet50_dropblock_scheduler":
        keys.put("dropblock.schedule", "linear", key="model.arch")
        keys.put("dropblock.ramp_steps", RAMP_STEPS, key="model.arch")
