"""The host's GPUs, seen through NVML, which needs neither torch nor a CUDA context."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pynvml

from wsmis_core.errors import ResourceError

__all__ = ["Gpu", "inventory", "problem", "visible"]

logger = logging.getLogger(__name__)

# Hosts without NVIDIA's driver: they have no GPU, as opposed to one that cannot be reached.
_NO_DRIVER = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU by the name that `CUDA_VISIBLE_DEVICES` knows it by."""

    uuid: str
    index: int
    name: str
    memory: int  # bytes


def inventory() -> tuple[Gpu, ...]:
    """The GPUs that this process may use; none on a host without NVIDIA's driver.

    Raises ResourceError where there is a driver that does not answer: to fall back to the
    CPU there would hide the fault.
    """
    try:
        with _nvml():
            gpus = tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError as error:
        if error.value in _NO_DRIVER:
            return ()
        raise ResourceError(
            f"the host's GPU driver does not answer: {error}.",
            remedy="Run nvidia-smi to see why; start the worker's container anew if the host can. "
            "Set CUDA_VISIBLE_DEVICES to nothing to work on the CPU.",
        ) from error
    return visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(gpus: Sequence[Gpu], setting: str | None) -> tuple[Gpu, ...]:
    """Those of ``gpus`` that a `CUDA_VISIBLE_DEVICES` of ``setting`` names, by index or UUID, in its order.

    As in CUDA, the first name that is not known ends the list.
    """
    if setting is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for name in (part.strip() for part in setting.split(",")):
        found = [gpu for gpu in gpus if name == str(gpu.index) or (name and gpu.uuid.startswith(name))]
        if len(found) != 1:
            break
        chosen.append(found[0])
    return tuple(chosen)


def problem(gpu: Gpu) -> str | None:
    """Why ``gpu`` cannot be used now, or None. In containers, devices can vanish while the host runs on."""
    try:
        with _nvml():
            pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid))
    except pynvml.NVMLError as error:
        return str(error)
    return None


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return Gpu(
        uuid=pynvml.nvmlDeviceGetUUID(handle),
        index=index,
        name=pynvml.nvmlDeviceGetName(handle),
        memory=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
    )


@contextmanager
def _nvml() -> Iterator[None]:
    """NVML, begun and ended: the library does not outlive a fork."""
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()
