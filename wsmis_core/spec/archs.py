"""The classifiers by name, and what later steps can build on each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["ARCH_DEFAULTS", "ENCODER_OF", "IRNET_TRUNKS", "WITHOUT_DROPBLOCK", "ClassifierArch"]

ClassifierArch = Literal[
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet50_full",
    "resnet50_oaa",
    "resnet_gap",
    "resnet_small",
    "vgg16",
    "irn_resnet50",
]

# Params of train_classifier whose published value goes with the arch.
ARCH_DEFAULTS: Mapping[ClassifierArch, Mapping[str, Any]] = {
    "irn_resnet50": {"dropblock": None, "loss": "multilabel_soft_margin"},
}

# Classifiers without a place for DropBlock.
WITHOUT_DROPBLOCK: frozenset[ClassifierArch] = frozenset({"irn_resnet50"})

# IRNet's trunk over a classifier's weights: the five stages must be there, and the first two share a stride.
IRNET_TRUNKS: Mapping[ClassifierArch, str] = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50_irn",
    "resnet50_full": "resnet50_irn",
    "resnet50_oaa": "resnet50_irn",
    "resnet_small": "resnet_small",
    "irn_resnet50": "resnet50_irn",
}

# The segmenter's encoder that a classifier's trunk fills; resnet_gap has no layer4 to give.
ENCODER_OF: Mapping[ClassifierArch, str] = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet50_full": "resnet50",
    "resnet50_oaa": "resnet50",
    "resnet_small": "resnet_small",
    "vgg16": "vgg16_bn",
    "irn_resnet50": "resnet50",
}
