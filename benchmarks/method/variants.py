"""What is changed, one thing at a time: groups of variants by what they are about.

A variant is {step: {param: value}} over the recipe `smoke`; what is empty is the recipe itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Variant = Mapping[str, Mapping[str, Any]]

WITHOUT = "without"  # beside a step's params: inputs that it does not get

PAMR = {"name": "pamr", "dilations": [1, 2, 4, 8]}
CRF = {"name": "crf"}
# Without the local pixel classifier, which evens out what stands before it.
WALKED: Variant = {"make_pseudo_labels": {"local": None, "threshold": {"name": "otsu_middle"}}}


def _maps(**params: object) -> Variant:
    return {"extract_cams": params, **WALKED}


def _labels(**params: object) -> Variant:
    return {"make_pseudo_labels": {**WALKED["make_pseudo_labels"], **params}}


GROUPS: Mapping[str, Mapping[str, Variant]] = {
    "activation maps": {
        "CAM": _maps(method="cam"),
        "Grad-CAM": _maps(method="grad_cam"),
        "Grad-CAM++": _maps(method="grad_cam_pp"),
        "LayerCAM": _maps(method="layer_cam"),
        "LPCAM": _maps(method="lpcam"),
    },
    "scales": {
        "1": _maps(scales=[1.0]),
        "1, without flip": _maps(scales=[1.0], flip=False),
        "1, 1.5": _maps(scales=[1.0, 1.5]),
        "1, .5, 1.5, 2": _maps(scales=[1.0, 0.5, 1.5, 2.0]),
    },
    "refinement before and after the walk": {
        "none": _labels(refine_before=None, refine=None),
        "PAMR": _labels(refine_before=PAMR, refine=PAMR),
        "CRF": _labels(refine_before=CRF, refine=CRF),
    },
    "seeds": {
        "PAMR, .8 and .4": WALKED,
        "unrefined, .3 and .05": {
            "make_ir_labels": {"refine": None, "foreground_threshold": 0.3, "background_threshold": 0.05},
            **WALKED,
        },
        "CRF, .3 and .05": {
            "make_ir_labels": {"refine": CRF, "foreground_threshold": 0.3, "background_threshold": 0.05},
            **WALKED,
        },
    },
    "threshold of the walked maps": {
        "fixed, .25": _labels(threshold={"name": "fixed", "value": 0.25}),
        "Otsu": _labels(threshold={"name": "otsu"}),
        "Otsu twice": _labels(threshold={"name": "otsu_twice"}),
        "between the two": WALKED,
        "chosen on validation masks": _labels(threshold={"name": "chosen"}),
    },
    "IRNet": {
        "on": WALKED,
        "off": _labels(log2_steps=8, refine_before=None, **{WITHOUT: ["irnet"]}),
    },
    "trunk of IRNet": {
        "of the classifier": WALKED,
        "random": {"train_irnet": {"trunk": "random", WITHOUT: ["classifier"]}, **WALKED},
    },
    "steps of the walk, log2": {
        "0": _labels(log2_steps=0),
        "by the grid": _labels(log2_steps="grid"),
        "8": _labels(log2_steps=8),
    },
    "local pixel classifier": {
        "off": WALKED,
        "on": {},
    },
}

WHOLE: Mapping[str, Mapping[str, Variant]] = {
    "whole": {
        "no mask chooses": {"train_ceiling": {"max_steps": 1200}},
        "validation masks choose the thresholds": {
            "make_pseudo_labels": {"threshold": {"name": "chosen"}},
            "train_segmenter": {"threshold": {"name": "chosen"}},
            "train_ceiling": {"max_steps": 1200},
        },
    },
}
