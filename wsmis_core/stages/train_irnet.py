"""Step 2b: IRNet, class boundaries and displacements, from seeds over a frozen trunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data.augmentation import augment
from wsmis_core.engine import RunContext, StageResult, Task, Term, train
from wsmis_core.errors import DataError
from wsmis_core.irn import EPSILON, TERMS, WEIGHTS, irnet_loss_terms
from wsmis_core.models import TRUNKS, Classifier, IRNet, Trunk
from wsmis_core.spec.stages import TrainIrnet
from wsmis_core.stages.inputs import (
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    samples_of,
    save_model,
)
from wsmis_core.stages.label_maps import LabelMaps
from wsmis_core.stages.train_classifier import classifier_from

__all__ = ["irnet_from", "run"]

# IRNet's own ResNet50 has other strides than the classifier's; the weights are the same.
_IRNET_TRUNKS = {"resnet50": "resnet50_irn"}


def run(context: RunContext, params: TrainIrnet) -> StageResult:
    """Train; leaves `model.safetensors`, the mean displacement as its mean shift."""
    task = _Boundaries(context, params)
    figures = train(task, params=params, rates=params.rates.model_dump(), context=context)
    task.set_mean_shift(context)
    save_model(context, task.model)
    return StageResult(
        metrics=figures,
        details={
            "trunk": task.trunk_name,
            "image_size": params.image_size,
            "normalisation": params.normalisation,
        },
    )


def irnet_from(details: Mapping[str, Any]) -> IRNet:
    """An IRNet as an artifact's details describe it, without its weights."""
    return IRNet(TRUNKS[details["trunk"]]("none"))


class _Boundaries(Task):
    """IRNet's side of the training."""

    model: IRNet

    def __init__(self, context: RunContext, params: TrainIrnet) -> None:
        self.params = params
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
        torch.manual_seed(params.seed)
        self.trunk_name, trunk = _trunk(context, params)
        self.model = IRNet(trunk)

    @property
    def size(self) -> int:
        return len(self.samples)

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        return self.model.parameter_groups()

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        sample = self.samples[index]
        image, seeds = augment(
            self.pictures.array(sample), self.seeds.array(sample), scope=self.params.augmentation, rng=rng
        )
        return {"image": self.pictures.tensor(image), "seeds": torch.tensor(seeds)}

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
        """Make the mean displacement over all training images the mean shift (METHOD 2b)."""
        ranks = context.ranks
        self.model.eval()
        self.model.mean_shift.zero_()
        sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
        mine = [self.samples[index] for index in ranks.share(len(self.samples))]
        progress = context.events.progress("mean shift", total=len(mine), unit="images")
        for start in range(0, len(mine), self.params.batch_size):
            batch = mine[start : start + self.params.batch_size]
            _, displacement = self.model(self.pictures.batch(batch))  # (B, 2, h, w)
            cells = displacement.new_tensor([displacement.numel() / 2])
            sums += torch.cat([displacement.sum(dim=(0, 2, 3)), cells]).double()
            progress.advance(len(batch))
        total = ranks.summed(sums)
        self.model.mean_shift.copy_(total[:2] / total[2])


def _trunk(context: RunContext, params: TrainIrnet) -> tuple[str, Trunk]:
    if params.trunk != "classifier":
        name = _IRNET_TRUNKS["resnet50"]
        return name, TRUNKS[name]("imagenet" if params.trunk == "imagenet" else "none")
    source = input_artifact(context, "classifier")
    classifier = load_model(source, classifier_from)
    assert isinstance(classifier, Classifier)
    arch = source.details["arch"]
    name = _IRNET_TRUNKS.get(arch, arch)
    trunk = TRUNKS[name]("none")
    trunk.load_state_dict(classifier.trunk.state_dict())
    return name, trunk


def _at_grid(seeds: Tensor, size: Sequence[int]) -> Tensor:
    """Seeds (B, H, W) at the grid's (h, w), nearest."""
    return F.interpolate(seeds[:, None], size=tuple(size), mode="nearest-exact")[:, 0]
