"""The sparse random walk against the dense matrix that it stands for, as a ratio within one run.

    python -m benchmarks.random_walk [--cells 32] [--log2-steps 8]

Writes one JSON object: seconds and largest errors of both against the dense matrix in float64. The
dense one is single precision and squares its (cells² x cells²) matrix log2-steps times, as the
reference does: at 128 cells that takes minutes and gigabytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from wsmis_core.irn import affinities, random_walk, search_paths

_RADIUS = 5
_BETA = 10.0


def dense_walk(maps: Tensor, boundary: Tensor, *, log2_steps: int) -> Tensor:
    """The walk of maps (C, h, w) by squaring the transition matrix, in the maps' own precision."""
    height, width = boundary.shape
    cells = torch.arange(height * width).view(height, width)
    matrix = torch.eye(height * width, dtype=maps.dtype)
    weights = affinities(boundary[None], radius=_RADIUS)[0].pow(_BETA)
    for path, weight in zip(search_paths(_RADIUS), weights, strict=True):
        dy, dx = path.destination
        inside = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        source = cells[inside].flatten()
        matrix[source, source + dy * width + dx] = weight[inside].flatten()
        matrix[source + dy * width + dx, source] = weight[inside].flatten()
    matrix /= matrix.sum(dim=0)
    for _ in range(log2_steps):
        matrix = matrix @ matrix
    return ((maps * (1 - boundary)).flatten(1) @ matrix).view_as(maps)


def timed(walk: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """The shorter of two runs in seconds, and the result."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        walked = walk()
        times.append(time.perf_counter() - start)
    return min(times), walked


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=32, help="side of the grid")
    parser.add_argument("--log2-steps", type=int, default=8)
    arguments = parser.parse_args()

    # Powers of small affinities end in numbers too small to be normal, which cost the dense way dearly.
    torch.set_flush_denormal(True)
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.cells, arguments.cells)
    maps, boundary = torch.rand(1, *shape, generator=generator), torch.rand(shape, generator=generator)
    truth = dense_walk(maps.double(), boundary.double(), log2_steps=arguments.log2_steps)
    dense_seconds, dense = timed(lambda: dense_walk(maps, boundary, log2_steps=arguments.log2_steps))
    sparse_seconds, sparse = timed(
        lambda: random_walk(
            maps.double(), boundary, radius=_RADIUS, beta=_BETA, log2_steps=arguments.log2_steps
        )
    )
    report = {
        "cells": arguments.cells,
        "log2_steps": arguments.log2_steps,
        "threads": torch.get_num_threads(),
        "dense_seconds": round(dense_seconds, 4),
        "sparse_seconds": round(sparse_seconds, 4),
        "dense_over_sparse": round(dense_seconds / sparse_seconds, 2),
        "dense_error": float((dense - truth).abs().max()),
        "sparse_error": float((sparse - truth).abs().max()),
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
