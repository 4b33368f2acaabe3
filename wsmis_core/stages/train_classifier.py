"""Step 1a: a multi-label classifier from image labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data import UNKNOWN_LABEL, DatasetIndex, Sample
from wsmis_core.data.augmentation import augment
from wsmis_core.engine import (
    VALIDATION_LOSS,
    LossSums,
    Ranks,
    RunContext,
    StageResult,
    Task,
    Term,
    check_figures,
    train,
)
from wsmis_core.errors import DataError
from wsmis_core.metrics import LabelCounts
from wsmis_core.models import Classifier, linear_drop_prob, make_classifier
from wsmis_core.models.losses import bce_with_logits, multilabel_soft_margin
from wsmis_core.models.published import names_of_classifier, names_of_trunk
from wsmis_core.spec.parts import WeightsFile
from wsmis_core.spec.stages import TrainClassifier
from wsmis_core.stages.inputs import (
    Pictures,
    check_sources,
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    sampled_order,
    samples_of,
    save_model,
)
from wsmis_core.stages.weights import load_weights

__all__ = ["classifier_from", "run"]


def run(context: RunContext, params: TrainClassifier) -> StageResult:
    """Train; leaves `model.safetensors`."""
    index = dataset_index(context)
    task = _Classification(context, params, index)
    if params.epochs:
        rates = params.rates.model_dump()
        figures = train(task, params=params, rates=rates, context=context, keep=params.keep)
    else:
        figures = task.figures(context.ranks)
    save_model(context, task.model)
    return StageResult(
        metrics=figures,
        details={
            "arch": params.arch,
            "classes": list(index.classes),
            "image_size": params.image_size,
            "normalisation": params.normalisation,
        },
    )


def classifier_from(details: Mapping[str, Any]) -> Classifier:
    """A classifier as an artifact's details describe it, without its weights."""
    return make_classifier(details["arch"], classes=len(details["classes"]))


class _Classification(Task):
    """The classifier's side of the training."""

    model: Classifier

    def __init__(self, context: RunContext, params: TrainClassifier, index: DatasetIndex) -> None:
        self.params = params
        self.training = samples_of(index, ["train"])
        self.validation = samples_of(index, ["val"])
        if params.epochs:
            _check_labels(index, self.training)
        self.pictures: Pictures = pictures(
            context, index, size=params.image_size, normalisation=params.normalisation
        )
        torch.manual_seed(params.seed)
        self.model = _model(context, params, index.classes)

    @property
    def size(self) -> int:
        return len(self.training)

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        return self.model.parameter_groups()

    def order(self, *, seed: int, epoch: int) -> NDArray[np.int64]:
        return sampled_order(self.training, sampler=self.params.sampler, seed=seed, epoch=epoch)

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        sample = self.training[index]
        image, _ = augment(self.pictures.array(sample), None, scope=self.params.augmentation, rng=rng)
        return {
            "image": self.pictures.tensor(image),
            "labels": torch.tensor(sample.labels, dtype=torch.float32),
        }

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        drop = self.params.dropblock
        if drop is not None and drop.schedule == "linear":
            self.model.set_drop_prob(linear_drop_prob(step, final=drop.drop_prob, steps=drop.ramp_steps))
        return [self._loss(model(batch["image"]), batch["labels"])]

    @torch.no_grad()
    def figures(self, ranks: Ranks) -> dict[str, float]:
        """The validation figures of the model as it is; raises DivergedError where one is not finite."""
        self.model.to(ranks.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        figures = self.validate(ranks)
        check_figures(
            figures,
            when="with the weights as they are",
            field="params.weights",
            remedy="With these weights the network's numbers overflow; take others.",
        )
        return figures

    def validate(self, ranks: Ranks) -> dict[str, float]:
        if not self.validation:
            return {}
        counts = LabelCounts(len(self.validation[0].labels), device=ranks.device)
        sums = LossSums()
        mine = [self.validation[index] for index in ranks.share(len(self.validation))]
        for start in range(0, len(mine), self.params.batch_size):
            samples = mine[start : start + self.params.batch_size]
            labels = torch.tensor(
                [sample.labels for sample in samples], dtype=torch.float32, device=ranks.device
            )
            logits = self.model(self.pictures.batch(samples))
            sums.add([self._loss(logits, labels)])
            counts.update(logits.sigmoid(), labels)
        figures = counts.summed(ranks.summed).scores()
        return {VALIDATION_LOSS: sums.loss(ranks)} | {f"val_{name}": value for name, value in figures.items()}

    def _loss(self, logits: Tensor, labels: Tensor) -> Term:
        if self.params.loss == "bce":
            sums = bce_with_logits(logits.float(), labels, pos_weight=self.params.pos_weight)
        else:
            sums = multilabel_soft_margin(logits.float(), labels)
        return Term(self.params.loss, *sums)


def _model(context: RunContext, params: TrainClassifier, classes: Sequence[str]) -> Classifier:
    """The classifier that the training starts from."""
    drop, weights = params.dropblock, params.weights
    model = make_classifier(
        params.arch,
        classes=len(classes),
        weights="none" if isinstance(weights, WeightsFile) else weights,
        drop_prob=drop.drop_prob if drop else 0.0,
        block_size=drop.block_size if drop else 1,
    )
    if isinstance(weights, WeightsFile):
        names = names_of_classifier(params.arch)
        if weights.part == "trunk":
            names = names_of_trunk(model.architecture.trunk)
        load_weights(context, model, weights, names, trunk="trunk.")
    if "classifier" in context.spec.inputs:
        _adopt(context, params, model, classes)
    return model


def _adopt(context: RunContext, params: TrainClassifier, model: Classifier, classes: Sequence[str]) -> None:
    """Give ``model`` the weights of the input classifier; its head only where that knows the same classes."""
    source = input_artifact(context, "classifier")
    check_sources(params, {"classifier": source.details})
    tensors = load_model(source, classifier_from).state_dict()
    if source.details["classes"] != list(classes):
        told = f"The classifier knows {', '.join(source.details['classes'])}, not {', '.join(classes)}"
        if params.epochs == 0:
            raise DataError(
                f"{told}.", field="inputs.classifier", remedy="Give one of these classes, or train it on."
            )
        context.events.log(f"{told}; its last layer is begun anew.", level="warning")
        tensors |= {name: own for name, own in model.state_dict().items() if name.startswith("head.")}
    model.load_state_dict(tensors)


def _check_labels(index: DatasetIndex, training: Sequence[Sample]) -> None:
    """A class that all or none of the training images, where it is known, have cannot be learnt."""
    for number, name in enumerate(index.classes):
        known = [sample.labels[number] for sample in training if sample.labels[number] != UNKNOWN_LABEL]
        positives = sum(known)
        if positives in (0, len(known)):
            unknown = len(training) - len(known)
            rest = f", of {unknown} more it is not known" if unknown else ""
            raise DataError(
                f"{positives} of {len(known)} training images have the label {name}{rest}.",
                field="dataset",
                remedy="Both images with and without it are needed; check the label column and the splits.",
            )
