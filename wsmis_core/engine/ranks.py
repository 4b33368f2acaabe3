"""The ranks of one job: who is who, sums over all, and the process group's life."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Ranks", "die_with_parent", "joined_ranks"]

# A rank that waits so long for another one gives up; validation and slow disks stay far below.
_TIMEOUT = timedelta(minutes=30)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Ranks:
    """This rank among all; without a process group, one alone."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """Whether this rank writes what is single."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """``values`` summed over all ranks, the same on each; no gradient flows through."""
        if self.world_size == 1:
            return values.detach()
        total = values.detach().clone()
        dist.all_reduce(total)
        return total

    def share(self, count: int) -> range:
        """The indices of ``count`` items that are this rank's."""
        return range(self.rank, count, self.world_size)

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world_size > 1:
            dist.barrier()


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """The process group that torchrun's environment describes: NCCL on GPUs, gloo on the CPU."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        die_with_parent()
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    device = _device(int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world_size == 1:
        yield Ranks(device=device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_TIMEOUT)
    try:
        yield Ranks(rank=dist.get_rank(), world_size=world_size, device=device)
    finally:
        dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    visible = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return torch.device("cuda", local_rank % visible) if visible else torch.device("cpu")


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it dies; none outlives its job."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
