"""Step 3: a segmentation model on pseudo-labels, or on true masks as the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data import DatasetIndex, Sample, read_mask
from wsmis_core.data.augmentation import augment
from wsmis_core.engine import (
    VALIDATION_LOSS,
    Ranks,
    RunContext,
    StageResult,
    Task,
    Term,
    train,
)
from wsmis_core.errors import DataError, SpecError
from wsmis_core.models import Classifier
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec.parts import Chosen
from wsmis_core.spec.stages import TrainSegmenter
from wsmis_core.stages.findings import SegmenterFinder
from wsmis_core.stages.inputs import (
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    sampled_order,
    samples_of,
    save_model,
)
from wsmis_core.stages.label_maps import LabelMaps, nearest
from wsmis_core.stages.outputs import OUTPUTS
from wsmis_core.stages.scoring import choose, validation_scores
from wsmis_core.stages.segmentation import segmenter_details
from wsmis_core.stages.train_classifier import classifier_from
from wsmis_core.stages.truth import required_masks

__all__ = ["run"]


def run(context: RunContext, params: TrainSegmenter) -> StageResult:
    """Train; leaves `model.safetensors`."""
    index = dataset_index(context)
    if isinstance(params.threshold, Chosen):
        required_masks(index, params.threshold.split, field="params.threshold.split")
    task = _Segmentation(context, params, index)
    figures = train(task, params=params, rates=params.rates.model_dump(), context=context)
    save_model(context, task.model)
    details = segmenter_details(params, index.classes) | _threshold(context, task)
    finder = _finder(task, details["threshold"])
    scores = validation_scores(context, index, finder, size=params.image_size, batch_size=params.batch_size)
    return StageResult(metrics=figures | scores, details=details)


def _threshold(context: RunContext, task: _Segmentation) -> dict[str, Any]:
    """The threshold as the artifact's details have it."""
    params = task.params
    if not isinstance(params.threshold, Chosen):
        return {"threshold": params.threshold}
    choice = choose(
        context,
        task.pictures.index,
        _finder(task, 0.0),
        params.threshold,
        field="params.threshold",
        size=params.image_size,
        batch_size=params.batch_size,
    )
    return {"threshold": choice.value, "chosen_threshold": choice.described()}


def _finder(task: _Segmentation, threshold: float) -> SegmenterFinder:
    """The trained segmenter, to be scored."""
    return SegmenterFinder(task.model.eval(), task.pictures, {"loss": task.params.loss}, threshold)


class _Targets(Protocol):
    """Where a sample's target comes from."""

    def has(self, sample: Sample) -> bool: ...

    def array(self, sample: Sample) -> NDArray[np.uint8]: ...


class _TrueMasks:
    """The data set's own masks at ``size`` pixels a side."""

    def __init__(self, index: DatasetIndex, *, size: int) -> None:
        self.index, self.size = index, size
        self._read: dict[str, NDArray[np.uint8]] = {}

    def has(self, sample: Sample) -> bool:
        return sample.has_masks

    def array(self, sample: Sample) -> NDArray[np.uint8]:
        if sample.id not in self._read:
            self._read[sample.id] = nearest(read_mask(self.index, sample), (self.size, self.size))
        return self._read[sample.id]


class _Segmentation(Task):
    """The segmenter's side of the training."""

    model: Segmenter

    def __init__(self, context: RunContext, params: TrainSegmenter, index: DatasetIndex) -> None:
        self.params = params
        self.targets = _targets(context, params, index)
        self.training = self._usable(context, samples_of(index, ["train"]))
        self.validation = [sample for sample in index.split("val") if self._has_target(sample)]
        if not any(sample.class_ids for sample in self.training):
            raise DataError(
                f"No training image that has a label has {params.targets.replace('_', ' ')}.",
                field="params.targets",
                remedy="Run make_pseudo_labels on the train split too, or check the data set's masks.",
            )
        self.pictures = pictures(context, index, size=params.image_size, normalisation=params.normalisation)
        torch.manual_seed(params.seed)
        self.model = _model(context, params, classes=len(index.classes))

    def _has_target(self, sample: Sample) -> bool:
        """An image that is known to have no class has an empty mask; any other needs a target."""
        return sample.is_negative or self.targets.has(sample)

    def _usable(self, context: RunContext, samples: Sequence[Sample]) -> list[Sample]:
        usable = [sample for sample in samples if self._has_target(sample)]
        if len(usable) < len(samples):
            context.events.log(
                f"{len(samples) - len(usable)} of {len(samples)} training images have, or may have, a label "
                "but no target; they are left out.",
                level="warning",
            )
        return usable

    @property
    def size(self) -> int:
        return len(self.training)

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        return self.model.parameter_groups()

    def order(self, *, seed: int, epoch: int) -> NDArray[np.int64]:
        return sampled_order(self.training, sampler=self.params.sampler, seed=seed, epoch=epoch)

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        sample = self.training[index]
        image, target = augment(
            self.pictures.array(sample), self._target(sample), scope=self.params.augmentation, rng=rng
        )
        assert target is not None
        return {"image": self.pictures.tensor(image), "target": torch.tensor(target)}

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        return OUTPUTS[self.params.loss].terms(model(batch["image"]).float(), batch["target"])

    def validate(self, ranks: Ranks) -> dict[str, float]:
        """The loss on the validation split's targets: on pseudo-labels, no true mask is read."""
        if not self.validation:
            return {}
        sums = torch.zeros(0)
        mine = [self.validation[index] for index in ranks.share(len(self.validation))]
        weights: list[tuple[float, float]] = []
        for start in range(0, len(mine), self.params.batch_size):
            samples = mine[start : start + self.params.batch_size]
            target = torch.from_numpy(np.stack([self._target(sample) for sample in samples])).to(ranks.device)
            terms = OUTPUTS[self.params.loss].terms(self.model(self.pictures.batch(samples)).float(), target)
            values = torch.stack(
                [part for term in terms for part in (term.numerator, term.denominator)]
            ).double()
            sums = values if not len(sums) else sums + values
            weights = [(term.weight, term.epsilon) for term in terms]
        totals = ranks.summed(sums).view(-1, 2).tolist()
        return {
            VALIDATION_LOSS: sum(
                weight * numerator / (denominator + epsilon)
                for (weight, epsilon), (numerator, denominator) in zip(weights, totals, strict=True)
            )
        }

    def _target(self, sample: Sample) -> NDArray[np.uint8]:
        if sample.is_negative and self.params.targets == "pseudo_labels":
            return np.zeros((self.params.image_size, self.params.image_size), dtype=np.uint8)
        return self.targets.array(sample)


def _model(context: RunContext, params: TrainSegmenter, *, classes: int) -> Segmenter:
    channels = OUTPUTS[params.loss].channels(classes)
    if params.weights != "classifier":
        return make_segmenter(params.arch, encoder=params.encoder, classes=channels, weights=params.weights)
    source = input_artifact(context, "classifier")
    if source.details["arch"] != params.encoder:
        raise SpecError(
            f"{params.encoder} is not the classifier's arch, {source.details['arch']}.",
            field="params.encoder",
            remedy=f"Set it to {source.details['arch']}, or set weights to none.",
        )
    classifier = load_model(source, classifier_from)
    assert isinstance(classifier, Classifier)
    return make_segmenter(params.arch, encoder=params.encoder, classes=channels, trunk=classifier.trunk)


def _targets(context: RunContext, params: TrainSegmenter, index: DatasetIndex) -> _Targets:
    if params.targets == "true_masks":
        return _TrueMasks(index, size=params.image_size)
    folder = input_artifact(context, "pseudo_labels").folder / "pseudo_labels"
    return LabelMaps(folder, size=params.image_size)
