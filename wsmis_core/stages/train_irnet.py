"""Step 2b: IRNet, class boundaries and displacements, from seeds over a frozen trunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data.augmentation import augment, framed, random_frame, rescaled
from wsmis_core.engine import RunContext, StageResult, Task, Term, train
from wsmis_core.errors import DataError, SpecError
from wsmis_core.irn import EPSILON, TERMS, WEIGHTS, irnet_loss_terms, seen_through_windows
from wsmis_core.models import TRUNKS, Classifier, IRNet, Trunk
from wsmis_core.models.published import IRNET_TRUNK, names_of_irnet, names_of_trunk
from wsmis_core.spec.archs import IRNET_TRUNKS
from wsmis_core.spec.stages import TrainIrnet
from wsmis_core.stages.inputs import (
    check_sources,
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    samples_of,
    save_model,
)
from wsmis_core.stages.label_maps import LabelMaps
from wsmis_core.stages.maps import UNKNOWN
from wsmis_core.stages.train_classifier import classifier_from
from wsmis_core.stages.weights import load_weights

__all__ = ["irnet_from", "run"]


def run(context: RunContext, params: TrainIrnet) -> StageResult:
    """Train; leaves `model.safetensors`, the mean displacement as its mean shift."""
    torch.manual_seed(params.seed)
    trunk_name, model = _model(context, params)
    figures: dict[str, float] = {}
    if params.epochs:
        task = _Boundaries(context, params, model)
        figures = train(task, params=params, rates=params.rates.model_dump(), context=context)
        model = task.model
        task.set_mean_shift(context)
    save_model(context, model)
    return StageResult(
        metrics=figures,
        details={
            "trunk": trunk_name,
            "image_size": params.image_size,
            "crop_size": _window(params),
            "normalisation": params.normalisation,
        },
    )


def irnet_from(details: Mapping[str, Any]) -> IRNet:
    """An IRNet as an artifact's details describe it, without its weights."""
    return IRNet(TRUNKS[details["trunk"]]("none"))


class _Boundaries(Task):
    """IRNet's side of the training."""

    model: IRNet

    def __init__(self, context: RunContext, params: TrainIrnet, model: IRNet) -> None:
        self.params, self.model = params, model
        index = dataset_index(context)
        labels = input_artifact(context, "ir_labels")
        self.seeds = LabelMaps(labels.folder / "ir_labels", size=params.image_size)
        self.samples = [
            sample
            for sample in samples_of(index, ["train"], positives_only=params.positives_only)
            if self.seeds.has(sample) or sample.is_negative
        ]
        if not self.samples:
            raise DataError(
                "No training image has seeds.",
                field="inputs.ir_labels",
                remedy="Run make_ir_labels with splits that include train.",
            )
        self.pictures = pictures(context, index, size=params.image_size, normalisation=params.normalisation)
        _check_radius(params, cells=_window(params) // self.model.grid_stride)

    @property
    def size(self) -> int:
        return len(self.samples)

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        return self.model.parameter_groups()

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        sample, params = self.samples[index], self.params
        image, seeds = self.pictures.array(sample), self.seeds.array(sample)
        if params.rescale is not None:
            image, seeds = rescaled(image, seeds, factor=rng.uniform(*params.rescale))
        image, moved = augment(image, seeds, scope=params.augmentation, rng=rng)
        assert moved is not None
        pixels = self.pictures.tensor(image)  # (3, H, W), its mean 0
        if params.crop_size is not None:
            frame = random_frame(moved.shape, side=params.crop_size, rng=rng)
            pixels = torch.from_numpy(framed(pixels.numpy(), frame, fill=0))
            moved = framed(moved, frame, fill=UNKNOWN)
        return {"image": pixels, "seeds": torch.tensor(moved)}

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        boundary_logits, displacement = model(batch["image"])
        seeds = _at_grid(batch["seeds"], boundary_logits.shape[-2:])
        sums = irnet_loss_terms(boundary_logits, displacement, seeds, radius=self.params.radius)
        return [
            Term(name, numerator, denominator, weight=weight, epsilon=EPSILON)
            for name, numerator, denominator, weight in zip(
                TERMS, sums.numerators, sums.denominators, WEIGHTS, strict=True
            )
        ]

    @torch.no_grad()
    def set_mean_shift(self, context: RunContext) -> None:
        """Make the mean displacement over all cells of all training images the mean shift."""
        ranks, window = context.ranks, _window(self.params)
        model = self.model.eval()
        model.mean_shift.zero_()

        def see(images: Tensor) -> Tensor:
            on_device = images.to(ranks.device, memory_format=torch.channels_last)
            return model.displacements(on_device, window=window)

        sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
        mine = [self.samples[index] for index in ranks.share(len(self.samples))]
        progress = context.progress("mean shift", total=len(mine), unit="images")
        for start in range(0, len(mine), self.params.batch_size):
            batch = mine[start : start + self.params.batch_size]
            images = [self.pictures.tensor(self.pictures.array(sample)) for sample in batch]
            for field in seen_through_windows(see, images, window=window, stride=model.grid_stride):
                sums[:2] += field.double().sum(dim=(1, 2))
                sums[2] += field[0].numel()
            progress.advance(len(batch))
        total = ranks.summed(sums)
        model.mean_shift.copy_(total[:2] / total[2])


def _window(params: TrainIrnet) -> int:
    """Pixels a side of what the network is trained on, and so of what it is to see at once later."""
    if params.crop_size is not None:
        return params.crop_size
    assert params.image_size != "native", "the spec asks for a crop there"
    return params.image_size


def _check_radius(params: TrainIrnet, *, cells: int) -> None:
    """Raise SpecError where no pair of cells has all its destinations on the grid."""
    if cells < 2 * params.radius - 1:
        raise SpecError(
            f"At {_window(params)} pixels the grid has {cells} cells a side, radius {params.radius} "
            f"needs {2 * params.radius - 1}.",
            field="params.radius",
            remedy=f"Set it to {(cells + 1) // 2} or less, or train on larger images.",
        )


def _model(context: RunContext, params: TrainIrnet) -> tuple[str, IRNet]:
    """The name of the trunk and the IRNet over it that the training starts from."""
    if params.trunk == "classifier":
        name, trunk = _classifiers_trunk(context, params)
        return name, IRNet(trunk)
    model = IRNet(TRUNKS[IRNET_TRUNK]("imagenet" if params.trunk == "imagenet" else "none"))
    if params.weights is not None:
        whole = params.weights.part == "all"
        names = names_of_irnet() if whole else names_of_trunk(IRNET_TRUNK)
        load_weights(context, model, params.weights, names, trunk="trunk.")
    return IRNET_TRUNK, model


def _classifiers_trunk(context: RunContext, params: TrainIrnet) -> tuple[str, Trunk]:
    """The trunk of the input classifier, with IRNet's strides where these differ."""
    source = input_artifact(context, "classifier")
    check_sources(params, {"classifier": source.details})
    classifier = load_model(source, classifier_from)
    assert isinstance(classifier, Classifier)
    name = IRNET_TRUNKS[source.details["arch"]]
    trunk = TRUNKS[name]("none")
    trunk.load_state_dict(classifier.trunk.state_dict())
    return name, trunk


def _at_grid(seeds: Tensor, size: Sequence[int]) -> Tensor:
    """Seeds (B, H, W) at the grid's (h, w), nearest."""
    return F.interpolate(seeds[:, None], size=tuple(size), mode="nearest-exact")[:, 0]
