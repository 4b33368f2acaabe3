"""What stages read: the data set's index, pictures as tensors, and the artifacts of earlier jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from wsmis_core.data import DatasetIndex, Sample, prepared_image, shape_at
from wsmis_core.data.tensors import to_tensor
from wsmis_core.engine import RunContext, balanced_order, shuffled_order
from wsmis_core.errors import ArtifactError, DataError, SpecError, WeightsError
from wsmis_core.files import write_atomically
from wsmis_core.spec import Manifest, read_manifest, source_problems, verify_files
from wsmis_core.spec.parts import Normalisation, Sampler, Size, Split
from wsmis_core.spec.stages import Params

__all__ = [
    "Input",
    "Pictures",
    "check_sources",
    "dataset_index",
    "input_artifact",
    "load_model",
    "pictures",
    "sampled_order",
    "samples_of",
    "save_model",
]

MODEL_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Input:
    """An artifact that the job reads, verified."""

    folder: Path
    manifest: Manifest

    @property
    def details(self) -> dict[str, Any]:
        """What the stage that made it noted for later ones."""
        return self.manifest.details


def input_artifact(context: RunContext, role: str) -> Input:
    """The artifact in ``role``; raises ArtifactError where a file of it is not as it was made."""
    ref = context.spec.inputs[role]
    manifest = read_manifest(ref.path)
    if manifest.kind != ref.kind:
        raise ArtifactError(
            f"{ref.path} holds {manifest.kind}, not {ref.kind}.",
            field=f"inputs.{role}",
            remedy=f"Name a job that makes {ref.kind}.",
        )
    if context.ranks.is_main:
        verify_files(manifest, ref.path)
    context.ranks.wait()
    return Input(ref.path, manifest)


def check_sources(params: Params, sources: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise SpecError where inputs, by role what their stages noted, do not fit ``params``."""
    for problem in source_problems(params, sources):
        raise SpecError(problem.message, field=problem.field, remedy=problem.remedy)


def dataset_index(context: RunContext) -> DatasetIndex:
    """The index of the job's data set; raises DataError where it has none or it has changed."""
    ref = context.spec.dataset
    if ref is None:
        raise DataError(
            "The job names no data set.", field="dataset", remedy="Give the id of a registered one."
        )
    index = DatasetIndex.load(ref.index)
    if index.fingerprint != ref.fingerprint:
        raise DataError(
            f"The data set's fingerprint is {index.fingerprint}, not {ref.fingerprint} as at submission.",
            field="dataset",
            remedy="Submit the job again.",
        )
    return index


def samples_of(index: DatasetIndex, splits: Sequence[Split], *, positives_only: bool = False) -> list[Sample]:
    """The samples of ``splits``, with ``positives_only`` those that have a label."""
    return [
        sample for split in splits for sample in index.split(split) if sample.class_ids or not positives_only
    ]


def sampled_order(samples: Sequence[Sample], *, sampler: Sampler, seed: int, epoch: int) -> NDArray[np.int64]:
    """An epoch's draws from ``samples``; balanced between their combinations of classes where asked for."""
    if sampler == "shuffled":
        return shuffled_order(len(samples), seed=seed, epoch=epoch)
    kinds = {classes: number for number, classes in enumerate(sorted({one.class_ids for one in samples}))}
    return balanced_order([kinds[sample.class_ids] for sample in samples], seed=seed, epoch=epoch)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The data set's images as squares of one size, prepared once and cached, or each at its own size."""

    index: DatasetIndex
    size: Size
    cache: Path
    normalisation: Normalisation
    device: torch.device

    def shape(self, sample: Sample) -> tuple[int, int]:
        """Height and width of one image, H and W below."""
        return shape_at(sample, self.size)

    def array(self, sample: Sample) -> NDArray[np.uint8]:
        """One image, (H, W, 1 or 3)."""
        return prepared_image(self.index, sample, size=self.size, cache=self.cache)

    def tensor(self, array: NDArray[np.uint8]) -> Tensor:
        """An image array as the networks want it, (3, H, W), normalised, on the CPU."""
        return to_tensor(array[None], scheme=self.normalisation)[0]

    def raw(self, sample: Sample) -> Tensor:
        """One image as it is, (1, 1 or 3, H, W) in [0, 255], on the device."""
        return torch.tensor(self.array(sample)).permute(2, 0, 1)[None].float().to(self.device)

    def of_one_shape(self, samples: Sequence[Sample]) -> list[list[Sample]]:
        """The samples in groups whose images make a batch."""
        groups: dict[tuple[int, int], list[Sample]] = {}
        for sample in samples:
            groups.setdefault(self.shape(sample), []).append(sample)
        return list(groups.values())

    def batch(self, samples: Sequence[Sample]) -> Tensor:
        """Images of one shape, (B, 3, H, W), normalised, on the device."""
        stacked = torch.stack([self.tensor(self.array(sample)) for sample in samples])
        return stacked.to(self.device, memory_format=torch.channels_last)


def pictures(
    context: RunContext, index: DatasetIndex, *, size: Size, normalisation: Normalisation
) -> Pictures:
    """The images at ``size`` on this rank's device."""
    return Pictures(index, size, context.spec.cache, normalisation, context.ranks.device)


def save_model(context: RunContext, model: nn.Module) -> None:
    """Put a model's weights into the artifact, from the main rank."""
    if context.ranks.is_main:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        write_atomically(context.output / MODEL_FILE, lambda path: save_file(tensors, path))


def load_model(source: Input, make: Callable[[dict[str, Any]], nn.Module]) -> nn.Module:
    """The model that ``make`` builds from an artifact's details, with the artifact's weights, in eval.

    Raises WeightsError where the weights are of another version of the model.
    """
    model = make(source.details)
    try:
        model.load_state_dict(load_file(source.folder / MODEL_FILE))
    except RuntimeError as error:
        raise WeightsError(
            f"The weights do not fit the model: {error}.",
            field=str(source.folder / MODEL_FILE),
            remedy="Run the job that trained it again with this version.",
        ) from error
    model.to(memory_format=torch.channels_last)
    return model.eval()
