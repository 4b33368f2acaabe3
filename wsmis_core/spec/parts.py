"""Parts that the params of several stages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from wsmis_core.spec.model import FieldError, Spec

__all__ = [
    "CAM_THRESHOLD",
    "LPCAM_THRESHOLD",
    "Augmentation",
    "Chosen",
    "DenseCrf",
    "DropBlock",
    "Fixed",
    "GrabCut",
    "ImageSize",
    "Instances",
    "Lpcam",
    "MapThreshold",
    "Normalisation",
    "OneCycleSchedule",
    "Optimizer",
    "Otsu",
    "OtsuMiddle",
    "OtsuTwice",
    "Pamr",
    "Precision",
    "Probability",
    "Rate",
    "Refinement",
    "Sampler",
    "Schedule",
    "SegmenterWeights",
    "Size",
    "Split",
    "Threshold",
    "Weights",
    "WeightsFile",
    "named_or_file",
]

Probability = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=100)]
Split = Literal["train", "val", "test"]
ImageSize = Annotated[int, Field(ge=32, le=4096, multiple_of=16, description="pixels a side")]
# Squares of so many pixels, or each image at its own size.
Size = ImageSize | Literal["native"]
Precision = Literal["float32", "bfloat16"]
# Fixed mean and standard deviation, or each image's own.
Normalisation = Literal["imagenet", "pneumothorax", "per_image"]
Augmentation = Literal["none", "weak", "horizontal_flip", "strong", "pneumothorax", "xray"]
Sampler = Literal["shuffled", "balanced"]


class WeightsFile(Spec):
    """Weights from a file: safetensors, or a torch file of a state dict, bare or under `model`.

    Its tensors go by this product's names, torchvision's, or those of WSMIS or IRNet. One that is
    missing, or one too many, is an error.
    """

    file: str = Field(min_length=1, max_length=4096, description="its path, below a data root")
    part: Literal["all", "trunk"] = Field(
        default="all", description="`trunk`: the trunk or the encoder alone; what else the file has is left"
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="the file's, checked before it is read; with it a job can be a cache hit"
    )


def named_or_file(value: object) -> str:
    """The tag of a union of a name and a WeightsFile."""
    return "<file>" if isinstance(value, Mapping | WeightsFile) else "<name>"


Weights = Annotated[
    Annotated[Literal["none", "imagenet"], Tag("<name>")] | Annotated[WeightsFile, Tag("<file>")],
    Discriminator(named_or_file),
]
SegmenterWeights = Annotated[
    Annotated[Literal["none", "imagenet", "classifier"], Tag("<name>")]
    | Annotated[WeightsFile, Tag("<file>")],
    Discriminator(named_or_file),
]


class Optimizer(Spec):
    """How a step is taken; the learning rates are the stage's own, one a parameter group."""

    name: Literal["sgd", "adam", "adamw", "radam"]
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    momentum: float = Field(default=0.0, ge=0, lt=1, description="of sgd; the others ignore none of theirs")


class ConstantSchedule(Spec):
    """The rates stay as they are."""

    name: Literal["constant"] = "constant"


class StepSchedule(Spec):
    """The rates are multiplied by ``gamma`` every ``every`` epochs."""

    name: Literal["step"] = "step"
    every: int = Field(ge=1)
    gamma: float = Field(default=0.1, gt=0, le=1)


class PolySchedule(Spec):
    """rate = max(floor, base * (1 - t / T) ** power), t in steps or epochs."""

    name: Literal["poly"] = "poly"
    power: float = Field(default=0.9, gt=0)
    floor: float = Field(default=0.0, ge=0)
    per: Literal["step", "epoch"] = "step"


class OneCycleSchedule(Spec):
    """The rates rise from a 25th for ``warmup`` of the steps and fall to near zero, both by cosine."""

    name: Literal["one_cycle"] = "one_cycle"
    warmup: float = Field(default=0.3, gt=0, lt=1)


Schedule = Annotated[
    ConstantSchedule | StepSchedule | PolySchedule | OneCycleSchedule, Field(discriminator="name")
]


class DropBlock(Spec):
    """DropBlock (arXiv 1810.12890): in ResNets after layer3 and layer4, in VGG16 after the first block."""

    drop_prob: Probability
    block_size: int = Field(ge=1, le=63, description="cells a side of the feature map")
    schedule: Literal["constant", "linear"] = "constant"
    ramp_steps: int = Field(
        default=0, ge=0, validate_default=True, description="training steps over which `linear` rises from 0"
    )

    @field_validator("ramp_steps")
    @classmethod
    def _goes_with_the_schedule(cls, ramp_steps: int, info: ValidationInfo) -> int:
        linear = info.data.get("schedule") == "linear"
        if linear and not ramp_steps:
            raise ValueError("the schedule linear needs it. Say over how many steps drop_prob rises.")
        if ramp_steps and not linear:
            raise ValueError("the schedule constant does not rise. Take it out, or set schedule to linear.")
        return ramp_steps


class Pamr(Spec):
    """Pixel-adaptive mask refinement (arXiv 2005.08104)."""

    name: Literal["pamr"] = "pamr"
    iterations: int = Field(default=10, ge=1, le=100)
    dilations: tuple[Annotated[int, Field(ge=1, le=128)], ...] = Field(
        default=(1, 2, 4, 8, 12, 24), min_length=1, description="distances of the neighbours, in pixels"
    )


class DenseCrf(Spec):
    """The fully connected CRF (arXiv 1210.5644) of the extra `crf`, one core an image."""

    name: Literal["crf"] = "crf"
    iterations: int = Field(default=10, ge=1, le=100)
    gt_prob: float = Field(
        default=0.7, gt=0.5, le=1, description="how far the maps or labels that it starts from are trusted"
    )
    gaussian_sxy: float = Field(default=3, gt=0, le=1000, description="reach of smoothness, in pixels")
    gaussian_compat: float = Field(default=3, ge=0, le=1000, description="weight of smoothness")
    bilateral_sxy: float = Field(default=50, gt=0, le=1000, description="reach of alike colours, in pixels")
    bilateral_srgb: float = Field(default=5, gt=0, le=255, description="how alike, in grey values of 255")
    bilateral_compat: float = Field(default=10, ge=0, le=1000, description="weight of alike colours")


class GrabCut(Spec):
    """GrabCut (Rother et al., SIGGRAPH 2004) of each class, from percentiles of its map."""

    name: Literal["grabcut"] = "grabcut"
    background: float = Field(default=15, ge=0, le=100, description="percentile up to which it is certain")
    probable: float = Field(
        default=70, ge=0, le=100, description="percentile that parts probable background and foreground"
    )
    foreground: float = Field(
        default=99.5, ge=0, le=100, description="percentile above which foreground is certain"
    )
    iterations: int = Field(default=5, ge=1, le=100)

    @model_validator(mode="after")
    def _percentiles_rise(self) -> Self:
        if not self.background < self.probable < self.foreground:
            raise FieldError(
                "probable",
                f"the percentiles background {self.background}, probable {self.probable} and foreground "
                f"{self.foreground} do not rise. The published ones are 15, 70 and 99.5.",
            )
        return self


class Lpcam(Spec):
    """LPCAM (arXiv 2303.10334): prototypes of each class from clusters of the training images' features."""

    clusters: int = Field(default=12, ge=1, le=100, description="of foreground, and of background cells")
    foreground: Probability = Field(
        default=0.1, description="of a class's activation map, above it a cell is foreground"
    )
    class_score: Probability = Field(default=0.9, description="of a prototype of the class, at least")
    context_scores: tuple[Probability, Probability] = Field(
        default=(0.05, 0.9), description="of a prototype of what comes along with the class"
    )
    cells: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="of foreground and of background, at most so many a class, spread over its images",
    )

    @model_validator(mode="after")
    def _scores_rise(self) -> Self:
        low, high = self.context_scores
        if low >= high:
            raise FieldError(
                "context_scores",
                f"context_scores {low} to {high} hold nothing. The published ones are .05 to .9.",
            )
        return self


Refinement = Annotated[Pamr | DenseCrf | GrabCut, Field(discriminator="name")]


class Fixed(Spec):
    """A threshold on the map divided by its maximum."""

    name: Literal["fixed"] = "fixed"
    value: Probability


class Otsu(Spec):
    """Otsu's threshold of each map; suits sharp maps, and needs no masks."""

    name: Literal["otsu"] = "otsu"


class OtsuTwice(Spec):
    """Otsu's threshold within the part above Otsu's threshold; suits blurred maps, and needs no masks."""

    name: Literal["otsu_twice"] = "otsu_twice"


class OtsuMiddle(Spec):
    """A cut between `otsu` and `otsu_twice`, for maps of which it is not known how sharp they are."""

    name: Literal["otsu_middle"] = "otsu_middle"
    share: float = Field(default=0.5, ge=0, le=1, description="of the way from `otsu` to `otsu_twice`")


class Chosen(Spec):
    """The threshold with the best score on a split that has true masks; the only one that looks at any."""

    name: Literal["chosen"] = "chosen"
    split: Literal["train", "val"] = "val"
    score: Literal["dice_positives", "iou", "mean_iou"] = Field(
        default="dice_positives", description="`iou`: of the classes; `mean_iou`: with the background"
    )


# WSMIS's background threshold, a share of an activation map's range.
CAM_THRESHOLD = Fixed(value=0.2)
# LPCAM's.
LPCAM_THRESHOLD = Fixed(value=0.3)

# What a map alone decides.
MapThreshold = Fixed | Otsu | OtsuTwice | OtsuMiddle
Threshold = Annotated[Fixed | Otsu | OtsuTwice | OtsuMiddle | Chosen, Field(discriminator="name")]


class Instances(Spec):
    """Objects of a class told apart by IRNet's displacements (arXiv 1904.05044, section 5.1)."""

    steps: int = Field(
        default=300, ge=1, le=10_000, description="how often each cell follows the field to its centroid"
    )
    displacement_threshold: float = Field(
        default=2.5,
        gt=0,
        description="cells displaced by less form regions; centroids in one region are one instance",
    )
    threshold: Annotated[MapThreshold, Field(discriminator="name")] = Field(
        default=Fixed(value=0.25), description="of the walked maps of all instances, over their maximum"
    )
    smallest: Probability = Field(
        default=0.01, description="an object below this share of the image has score 0"
    )
