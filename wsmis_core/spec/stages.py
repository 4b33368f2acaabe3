"""The params of the eight stages, defaults as published (METHOD: the pneumothorax columns).

``StageParams`` is the one union over them, told apart by ``stage``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationInfo, field_validator, model_validator

from wsmis_core.spec.archs import ARCH_DEFAULTS, WITHOUT_DROPBLOCK, ClassifierArch
from wsmis_core.spec.encoders import ENCODERS, SegmenterArch, encoder_problem
from wsmis_core.spec.losses import Bce, Loss
from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import (
    CAM_THRESHOLD,
    LPCAM_THRESHOLD,
    Augmentation,
    Chosen,
    DropBlock,
    Fixed,
    ImageSize,
    Instances,
    Lpcam,
    MapThreshold,
    Normalisation,
    OneCycleSchedule,
    Optimizer,
    Pamr,
    PolySchedule,
    Precision,
    Probability,
    Rate,
    Refinement,
    Sampler,
    Schedule,
    SegmenterWeights,
    Size,
    Split,
    StepSchedule,
    Threshold,
    Weights,
    WeightsFile,
)

__all__ = [
    "ClassifierRates",
    "Evaluate",
    "ExtractCams",
    "Inference",
    "IrnetRates",
    "LocalTraining",
    "MakeIrLabels",
    "MakePseudoLabels",
    "Predict",
    "SegmenterRates",
    "StageParams",
    "TrainClassifier",
    "TrainIrnet",
    "TrainSegmenter",
    "stage_params",
]

KEPT = (
    "weights of the last epoch, of the best, which has the least validation loss, or of the one where a "
    "score on the validation split is highest"
)
ALL_SPLITS: tuple[Split, ...] = ("train", "val", "test")
NO_TRAINING = "0 takes the weights as they are"
Magnification = Annotated[float, Field(gt=0, le=4)]


class Params(Spec):
    """What every stage's params have."""

    schema_version: Literal[1] = 1
    seed: int = Field(default=0, ge=0, lt=2**31)


class Training(Params):
    """What every training stage's params have."""

    epochs: int = Field(ge=1, le=10_000)
    max_steps: int | None = Field(default=None, ge=1, description="stop after so many steps, if sooner")
    batch_size: int = Field(ge=1, le=4096, description="images a step, over all ranks")
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision = "float32"
    loader_workers: int = Field(default=0, ge=0, le=64, description="processes a rank that read images")
    checkpoint_seconds: float = Field(default=300.0, gt=0, description="a checkpoint at least so often")
    sync_batch_norm: bool = Field(default=True, description="batch statistics over all ranks")


class ClassifierRates(Spec):
    """Learning rates of the four parameter groups."""

    trunk_weights: Rate
    trunk_biases: Rate
    head_weights: Rate
    head_biases: Rate


class TrainClassifier(Training):
    """Step 1a: image labels to a multi-label classifier."""

    stage: Literal["train_classifier"] = "train_classifier"
    arch: ClassifierArch = "resnet50"
    weights: Weights = Field(default="none", description="`imagenet`: of the trunk alone")
    image_size: ImageSize = 512
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "pneumothorax"
    sampler: Sampler = "balanced"
    dropblock: DropBlock | None = Field(
        default=DropBlock(drop_prob=0.2, block_size=7), description="irn_resnet50 has no place for it"
    )
    loss: Literal["bce", "multilabel_soft_margin"] = Field(
        default="bce",
        description="binary cross entropy summed over the classes, or its mean; irn_resnet50 has the second",
    )
    pos_weight: float | None = Field(default=None, gt=0, description="of bce: factor on positive labels")
    optimizer: Optimizer = Optimizer(name="adam", weight_decay=1e-5)
    rates: ClassifierRates = ClassifierRates(
        trunk_weights=1e-4, trunk_biases=2e-4, head_weights=1e-3, head_biases=2e-3
    )
    schedule: Schedule = StepSchedule(every=5, gamma=0.1)
    epochs: int = Field(default=50, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=16, ge=1, le=4096)
    keep: Literal[
        "last",
        "best",
        "val_f1",
        "val_f1_negative",
        "val_precision",
        "val_recall",
        "val_jaccard",
        "val_accuracy",
    ] = Field(default="best", description=KEPT)

    @model_validator(mode="before")
    @classmethod
    def _published_with_the_arch(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(arch := data.get("arch"), str):
            return {**ARCH_DEFAULTS.get(arch, {}), **data}  # type: ignore[call-overload]  # any text may come
        return data

    @field_validator("weights")
    @classmethod
    def _weights_there_are(cls, weights: Weights, info: ValidationInfo) -> Weights:
        if weights == "imagenet" and info.data.get("arch") == "resnet_small":
            raise ValueError("there are none for resnet_small. Set it to none, or take a resnet18.")
        return weights

    @field_validator("dropblock")
    @classmethod
    def _dropblock_has_a_place(cls, dropblock: DropBlock | None, info: ValidationInfo) -> DropBlock | None:
        if dropblock is not None and info.data.get("arch") in WITHOUT_DROPBLOCK:
            raise ValueError(f"{info.data['arch']} has no place for it. Set it to null.")
        return dropblock

    @field_validator("pos_weight")
    @classmethod
    def _loss_takes_the_weight(cls, pos_weight: float | None, info: ValidationInfo) -> float | None:
        if pos_weight is not None and info.data.get("loss") == "multilabel_soft_margin":
            raise ValueError("multilabel_soft_margin takes none. Set it to null, or loss to bce.")
        return pos_weight


class ExtractCams(Params):
    """Step 1b: class activation maps of the images' own classes, or of the predicted ones."""

    stage: Literal["extract_cams"] = "extract_cams"
    method: Literal["cam", "grad_cam", "grad_cam_pp", "layer_cam", "lpcam"] = "grad_cam_pp"
    layer: Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", max_length=200)] | None = Field(
        default=None,
        description="a module of the classifier whose activations are mapped, such as "
        "`trunk.stage_modules.3`; null: the last features, in closed form",
    )
    lpcam: Lpcam | None = Field(default=None, description="of the method lpcam; null: as published")
    scales: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field(
        default=(1.0, 0.75, 0.5, 0.25), min_length=1
    )
    flip: bool = True
    image_size: Size = Field(
        default=1024, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    classes: Literal["labels", "predicted"] = "labels"
    probability_threshold: Probability = 0.5
    refine: Refinement | None = Field(default=None, description="refine the stored maps on the image")
    threshold: Annotated[MapThreshold, Field(discriminator="name")] | None = Field(
        default=None, description="of `masks/`, cut from the maps; null: the published one, .2, of lpcam .3"
    )
    splits: tuple[Split, ...] = ALL_SPLITS
    batch_size: int = Field(default=8, ge=1, le=1024)

    @model_validator(mode="after")
    def _fields_of_the_method(self) -> Self:
        if self.layer is not None and self.method in ("cam", "lpcam"):
            raise ValueError(
                f"layer {self.layer!r} does not go with the method {self.method}, which is of the last "
                "features. Take it out, or use grad_cam, grad_cam_pp or layer_cam."
            )
        if self.lpcam is not None and self.method != "lpcam":
            raise ValueError(
                f"lpcam does not go with the method {self.method}. Take it out, or set method to lpcam."
            )
        return self

    @property
    def mask_threshold(self) -> MapThreshold:
        """What the masks are cut at."""
        return self.threshold or (LPCAM_THRESHOLD if self.method == "lpcam" else CAM_THRESHOLD)


class MakeIrLabels(Params):
    """Step 2a: confident seeds from the maps."""

    stage: Literal["make_ir_labels"] = "make_ir_labels"
    foreground_threshold: Probability = 0.30
    background_threshold: Probability = 0.05
    refine: Refinement | None = Pamr()
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    splits: tuple[Split, ...] = ALL_SPLITS

    @model_validator(mode="after")
    def _background_below_foreground(self) -> Self:
        if self.background_threshold >= self.foreground_threshold:
            raise ValueError(
                f"background_threshold {self.background_threshold} is not below foreground_threshold "
                f"{self.foreground_threshold}. Lower the first or raise the second."
            )
        return self


class IrnetRates(Spec):
    """Learning rates of IRNet's two branches."""

    boundary: Rate = 0.1
    displacement: Rate = 1.0


class TrainIrnet(Training):
    """Step 2b: class boundaries and displacements from the seeds."""

    stage: Literal["train_irnet"] = "train_irnet"
    trunk: Literal["classifier", "imagenet", "random", "file"] = Field(
        default="classifier", description="`file`: that of the weights"
    )
    weights: WeightsFile | None = Field(
        default=None, validate_default=True, description="a whole IRNet, or with part: trunk its trunk"
    )
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    rescale: tuple[Magnification, Magnification] | None = Field(
        default=None,
        description="from how much to how much larger an image is made before it is cropped, drawn for each "
        "draw of it; published for VOC: .5 to 1.5",
    )
    crop_size: ImageSize | None = Field(
        default=None,
        description="pixels a side of a random square that is cut from each image, shorter sides padded; "
        "null: the whole square image",
    )
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "horizontal_flip"
    radius: int = Field(default=10, ge=2, le=20)
    positives_only: bool = True
    optimizer: Optimizer = Optimizer(name="sgd", weight_decay=1e-4, momentum=0.0)
    rates: IrnetRates = IrnetRates()
    schedule: Schedule = PolySchedule(power=0.9)
    epochs: int = Field(default=10, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=24, ge=1, le=4096)

    @model_validator(mode="before")
    @classmethod
    def _trunk_of_the_weights(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("weights") is not None:
            return {"trunk": "file", **data}
        return data

    @field_validator("weights")
    @classmethod
    def _weights_are_asked_for(cls, weights: WeightsFile | None, info: ValidationInfo) -> WeightsFile | None:
        trunk = info.data.get("trunk")
        if trunk == "file" and weights is None:
            raise ValueError("the trunk is to come from them. Give {file: PATH}, or set trunk to another.")
        if weights is not None and trunk not in ("file", None):
            raise ValueError(f"the trunk is {trunk}, so they would not be used. Leave trunk or weights out.")
        return weights

    @model_validator(mode="after")
    def _crops_where_shapes_differ(self) -> Self:
        if self.crop_size is None and self.image_size == "native":
            raise ValueError(
                "image_size is native and crop_size null: images of different shapes make no batch. "
                "Set crop_size (published: 512), or give image_size in pixels."
            )
        if self.crop_size is None and self.rescale is not None:
            raise ValueError(
                f"rescale is {list(self.rescale)} and crop_size null: rescaled images differ in size. "
                "Set crop_size (published: 512), or rescale to null."
            )
        if self.rescale is not None and self.rescale[0] > self.rescale[1]:
            raise ValueError(f"rescale {list(self.rescale)} falls. Give the smaller factor first.")
        return self


class SegmenterRates(Spec):
    """Learning rates of encoder and decoder."""

    trunk: Rate = 1e-4
    head: Rate = 1e-3


class LocalTraining(Training):
    """A pixel classifier that sees its neighbourhood only, trained on the maps' own labels, in rounds.

    To it the tissue beside an object looks as it does in images without the class, whose masks their
    labels say are empty; so it takes off what the activation maps' blur put on, and puts on what they
    left out but looks the same. Each round trains a net from nothing on the labels that the maps of
    the round before give. It needs, for each class, images with and without it in the train split.
    """

    foreground: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        default=(1.0, 1.0, 0.25, 0.25, 0.25),
        min_length=1,
        max_length=20,
        description="one for each round: from what share of the way between Otsu's cut of a map and "
        "Otsu's twice a pixel is foreground; up to Otsu's it is background, between the two unknown",
    )
    prior: float = Field(
        default=1 / 3, ge=0, le=1, description="exponent of the walked maps that weigh the probabilities"
    )
    augmentation: Augmentation = "xray"
    optimizer: Optimizer = Optimizer(name="adamw", weight_decay=0.01)
    rates: SegmenterRates = SegmenterRates(trunk=4e-3, head=4e-3)
    schedule: Schedule = OneCycleSchedule(warmup=0.2)
    epochs: int = Field(default=1000, ge=1, le=10_000)
    max_steps: int | None = Field(default=120, ge=1)
    batch_size: int = Field(default=10, ge=1, le=4096)


class MakePseudoLabels(Params):
    """Step 2c: a random walk of the maps along the boundaries, then a threshold; without `irnet` no walk."""

    stage: Literal["make_pseudo_labels"] = "make_pseudo_labels"
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    crop_size: ImageSize | None = Field(
        default=None,
        description="pixels a side of what IRNet sees at once: smaller images are padded, of larger ones "
        "overlapping windows are blended; null: as it was trained",
    )
    radius: int = Field(default=5, ge=2, le=20)
    beta: float = Field(default=10.0, gt=0, le=100)
    log2_steps: int | Literal["grid"] = Field(
        default=8, description="2^t steps; `grid` takes t = 8 - 2 log2(128 / cells a side), 0 at least"
    )
    refine_before: Refinement | None = Field(default=None, description="refine the maps before the walk")
    refine: Refinement | None = Field(default=None, description="refine the walked maps on the image")
    local: LocalTraining | None = Field(
        default=None, description="weigh the walked maps by a local pixel classifier"
    )
    instances: Instances | None = Field(
        default=None,
        description="also tell the objects of a class apart, in the walked maps, refined but before `local`",
    )
    threshold: Threshold = Fixed(value=0.25)
    smallest_component: float = Field(
        default=0.0, ge=0, le=1, description="drop components below this share of the image"
    )
    splits: tuple[Split, ...] = ALL_SPLITS

    @model_validator(mode="after")
    def _steps_in_range(self) -> Self:
        if isinstance(self.log2_steps, int) and not 0 <= self.log2_steps <= 12:
            raise ValueError(f"log2_steps {self.log2_steps} is not in 0 to 12. The published value is 8.")
        return self

    @model_validator(mode="after")
    def _one_size_for_the_local_net(self) -> Self:
        if self.local is not None and self.image_size == "native":
            raise ValueError(
                "image_size is native, and local trains on images of one size. "
                "Give image_size in pixels, or set local to null."
            )
        return self

    @model_validator(mode="after")
    def _chosen_on_maps_that_are_made(self) -> Self:
        if isinstance(self.threshold, Chosen) and self.threshold.split not in self.splits:
            raise ValueError(
                f"the threshold is to be chosen on the {self.threshold.split} split, which is not among the "
                "splits. Add it there, or choose on another one."
            )
        return self


class TrainSegmenter(Training):
    """Step 3: a segmentation model on pseudo-labels; on true masks only as a ceiling to compare with."""

    stage: Literal["train_segmenter"] = "train_segmenter"
    arch: SegmenterArch = "unet"
    encoder: str = Field(
        default="resnet50",
        description="of segmentation-models-pytorch, by its name; or resnet_small, for small images",
        json_schema_extra={"enum": [name for names in ENCODERS.values() for name in names]},
    )
    weights: SegmenterWeights = Field(
        default="none",
        description="where the encoder starts, `classifier`: the trunk of that input; or all from a file",
    )
    targets: Literal["pseudo_labels", "true_masks"] = "pseudo_labels"
    image_size: ImageSize = 256
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "pneumothorax"
    sampler: Sampler = "balanced"
    loss: Loss = (Bce(),)
    optimizer: Optimizer = Optimizer(name="sgd", weight_decay=1e-6, momentum=0.9)
    rates: SegmenterRates = SegmenterRates()
    schedule: Schedule = PolySchedule(power=0.9, floor=1e-6, per="epoch")
    epochs: int = Field(default=40, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=64, ge=1, le=4096)
    keep: Literal["last", "best", "val_target_mean_iou", "val_target_dice_pooled"] = Field(
        default="last", description=f"{KEPT}; against targets, not true masks"
    )
    threshold: Probability | Chosen = Field(
        default=0.5,
        description="probability above which a pixel is foreground; of a class against the background where "
        "the loss has softmax outputs, so that .5 takes the most probable of both",
    )

    @field_validator("encoder")
    @classmethod
    def _can_be_built(cls, encoder: str, info: ValidationInfo) -> str:
        problem = encoder_problem(info.data.get("arch", "unet"), encoder)
        if problem is not None:
            raise ValueError(problem)
        return encoder


class Inference(Params):
    """How segmenters are asked: the probabilities are averaged over sizes and mirrors of an image."""

    scales: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field(
        default=(1.0,), min_length=1, description="of the size that the segmenter was trained at"
    )
    flip: bool = Field(default=True, description="also the mirrored image")


class Evaluate(Inference):
    """Scores of every step that is given, against true masks."""

    stage: Literal["evaluate"] = "evaluate"
    split: Split = "test"
    cam_threshold: Threshold = CAM_THRESHOLD
    overlays: int = Field(default=12, ge=0, le=200, description="images on the contact sheet")
    resamples: int = Field(
        default=1000, ge=0, le=100_000, description="of the bootstrap for the intervals; 0 leaves them out"
    )
    batch_size: int = Field(default=16, ge=1, le=1024)

    @model_validator(mode="after")
    def _chosen_elsewhere(self) -> Self:
        if isinstance(self.cam_threshold, Chosen) and self.cam_threshold.split == self.split:
            raise ValueError(
                f"the threshold of the maps would be chosen on the split that is scored, {self.split}. "
                "Choose it on another one, or score another one."
            )
        return self


class Predict(Inference):
    """Masks of a split, or of files that the data set does not hold."""

    stage: Literal["predict"] = "predict"
    split: Split | None = "test"
    files: tuple[str, ...] = Field(default=(), description="paths under a data root, instead of a split")
    batch_size: int = Field(default=16, ge=1, le=1024)


StageParams = Annotated[
    TrainClassifier
    | ExtractCams
    | MakeIrLabels
    | TrainIrnet
    | MakePseudoLabels
    | TrainSegmenter
    | Evaluate
    | Predict,
    Field(discriminator="stage"),
]
stage_params: TypeAdapter[StageParams] = TypeAdapter(StageParams)
