"""Step 3: a segmentation model on pseudo-labels, or on true masks as the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data import Sample
from wsmis_core.data.augmentation import augment
from wsmis_core.data.cache import resized
from wsmis_core.engine import (
    VALIDATION_LOSS,
    LossSums,
    Processes,
    Ranks,
    RunContext,
    StageResult,
    Task,
    Term,
    train,
    worker_processes,
)
from wsmis_core.errors import DataError
from wsmis_core.metrics import class_dice, class_iou, confusion_matrix, margins
from wsmis_core.models import Classifier
from wsmis_core.models.published import names_of_encoder, names_of_segmenter
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec.losses import Kl
from wsmis_core.spec.parts import Chosen, WeightsFile
from wsmis_core.spec.stages import TrainSegmenter
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
from wsmis_core.stages.preview import write_preview
from wsmis_core.stages.refinement import check_refinement
from wsmis_core.stages.scoring import choose, validation_scores
from wsmis_core.stages.segmentation import SegmenterDetails, TrainedSegmenter, class_ids_of
from wsmis_core.stages.segmenter_findings import SegmenterFinder
from wsmis_core.stages.segmenter_loss import Refiner, loss_terms
from wsmis_core.stages.targets import targets
from wsmis_core.stages.train_classifier import classifier_from
from wsmis_core.stages.truth import required_masks
from wsmis_core.stages.weights import load_weights

__all__ = ["run"]

_CHANNELS = (
    "Losses such as bce make a channel of each class of the data set, those such as cross_entropy one more."
)


def run(context: RunContext, params: TrainSegmenter) -> StageResult:
    """Train; leaves `model.safetensors`."""
    index = dataset_index(context)
    if isinstance(params.threshold, Chosen):
        required_masks(index, params.threshold.split, size=params.image_size, field="params.threshold.split")
    seen = pictures(context, index, size=params.image_size, normalisation=params.normalisation)
    details = SegmenterDetails.of(params, index.classes)
    torch.manual_seed(params.seed)
    model = _model(context, params, channels=details.channels.count(len(index.classes)))
    figures: dict[str, float] = {}
    if params.epochs:
        with worker_processes() as processes:
            task = _Segmentation(context, params, seen, details, model, processes)
            figures = train(
                task, params=params, rates=params.rates.model_dump(), context=context, keep=params.keep
            )
        model = task.model
    model.to(context.ranks.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    save_model(context, model)
    finder = SegmenterFinder(TrainedSegmenter(model, details, scales=(1.0,), flip=True), seen)
    if isinstance(params.threshold, Chosen):
        details = details.model_copy(update=_chosen(context, params, params.threshold, finder))
        finder = replace(finder, segmenter=replace(finder.segmenter, details=details))
    scores = validation_scores(context, index, finder, size=params.image_size, batch_size=params.batch_size)
    write_preview(context, index, finder, caption="The segmenter's probabilities, and its masks")
    return StageResult(metrics=figures | scores, details=details.model_dump(mode="json"))


def _chosen(
    context: RunContext, params: TrainSegmenter, rule: Chosen, finder: SegmenterFinder
) -> dict[str, Any]:
    """What the details then say of a threshold that is to be chosen."""
    choice = choose(
        context,
        finder.images.index,
        finder,
        rule,
        field="params.threshold",
        size=params.image_size,
        batch_size=params.batch_size,
    )
    return {"threshold": choice.value, "chosen_threshold": choice.described()}


class _Segmentation(Task):
    """The segmenter's side of the training."""

    model: Segmenter

    def __init__(
        self,
        context: RunContext,
        params: TrainSegmenter,
        seen: Pictures,
        details: SegmenterDetails,
        model: Segmenter,
        processes: Processes,
    ) -> None:
        self.params, self.pictures, self.details = params, seen, details
        self.model, self.processes = model, processes
        index = seen.index
        self.refining = next((term for term in params.loss if isinstance(term, Kl)), None)
        if self.refining is not None:
            check_refinement(self.refining.refine, field="params.loss")
        self.targets = targets(context, params, index)
        self.training = self._usable(context, samples_of(index, ["train"]))
        self.validation = [sample for sample in index.split("val") if self.targets.has(sample)]
        if not any(sample.class_ids for sample in self.training):
            raise DataError(
                f"No training image that has a label has {params.targets.replace('_', ' ')}.",
                field="params.targets",
                remedy="Run make_pseudo_labels on the train split too, or check the data set's masks.",
            )

    def _usable(self, context: RunContext, samples: Sequence[Sample]) -> list[Sample]:
        usable = [sample for sample in samples if self.targets.has(sample)]
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
            self.pictures.array(sample), self.targets.array(sample), scope=self.params.augmentation, rng=rng
        )
        assert target is not None
        made = {"image": self.pictures.tensor(image), "target": torch.tensor(target)}
        return made if self.refining is None else {**made, "small": self._small(image)}

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        return self._terms(model(batch["image"]).float(), batch)

    def _terms(self, logits: Tensor, batch: Mapping[str, Tensor]) -> list[Term]:
        refiner = Refiner(batch["small"], self.processes) if self.refining is not None else None
        return loss_terms(logits, batch["target"], self.params.loss, refiner=refiner)

    def _small(self, image: NDArray[np.uint8]) -> Tensor:
        """An image (H, W, 1 or 3) as a refinement of the prediction sees it, (3, h, w) uint8."""
        assert self.refining is not None
        side = max(1, round(self.params.image_size * self.refining.scale))
        small = resized(image.squeeze(-1) if image.shape[-1] == 1 else image, side)
        return torch.tensor(small).permute(2, 0, 1).expand(3, -1, -1).contiguous()

    def validate(self, ranks: Ranks) -> dict[str, float]:
        """Loss and scores on the validation split's targets: on pseudo-labels, no true mask is read."""
        if not self.validation:
            return {}
        channels, classes = self.details.channels, 1 + len(self.details.classes)
        sums = LossSums()
        matrix = torch.zeros(classes, classes, dtype=torch.long, device=ranks.device)
        mine = [self.validation[index] for index in ranks.share(len(self.validation))]
        for start in range(0, len(mine), self.params.batch_size):
            samples = mine[start : start + self.params.batch_size]
            batch = self._validation_batch(samples)
            logits = self.model(batch["image"]).float()
            sums.add(self._terms(logits, batch))
            found = class_ids_of(
                channels.probabilities(logits), channels=channels, threshold=self.details.threshold
            )
            matrix += confusion_matrix(found, batch["target"], classes=classes)
        return {VALIDATION_LOSS: sums.loss(ranks)} | _scores(ranks.summed(matrix))

    def _validation_batch(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """What `terms` take, of images as they are."""
        device = self.pictures.device
        target = torch.from_numpy(np.stack([self.targets.array(sample) for sample in samples]))
        batch = {"image": self.pictures.batch(samples), "target": target.to(device)}
        if self.refining is not None:
            small = torch.stack([self._small(self.pictures.array(sample)) for sample in samples])
            batch["small"] = small.to(device)
        return batch


def _model(context: RunContext, params: TrainSegmenter, *, channels: int) -> Segmenter:
    """The segmenter that the training starts from."""
    weights = params.weights
    if isinstance(weights, WeightsFile):
        model = make_segmenter(params.arch, encoder=params.encoder, classes=channels)
        whole = weights.part == "all"
        names = names_of_segmenter(params.arch) if whole else names_of_encoder(params.encoder)
        load_weights(context, model, weights, names, trunk="encoder.", on_shapes=_CHANNELS)
        return model
    if weights != "classifier":
        return make_segmenter(params.arch, encoder=params.encoder, classes=channels, weights=weights)
    source = input_artifact(context, "classifier")
    check_sources(params, {"classifier": source.details})
    classifier = load_model(source, classifier_from)
    assert isinstance(classifier, Classifier)
    return make_segmenter(params.arch, encoder=params.encoder, classes=channels, trunk=classifier.trunk)


def _scores(matrix: Tensor) -> dict[str, float]:
    """Means over the classes that are there, of the targets' confusion matrix; 1 where none is."""
    of_classes = margins(matrix)  # (1 + C, 3)
    scores = {
        "val_target_mean_iou": class_iou(of_classes),
        "val_target_dice_pooled": class_dice(of_classes)[1:],
    }
    return {name: values.nanmean().nan_to_num(1).item() for name, values in scores.items()}
