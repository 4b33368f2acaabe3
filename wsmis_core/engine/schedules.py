"""Learning-rate schedules as pure functions of the training's position."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsmis_core.spec.parts import ConstantSchedule, OneCycleSchedule, PolySchedule, Schedule, StepSchedule

__all__ = ["Position", "learning_rate"]

# The one-cycle policy starts at a 25th of the rate and ends at a 10,000th of that (arXiv 1708.07120).
_START_DIVISOR = 25.0
_END_DIVISOR = 1e4


@dataclass(frozen=True, slots=True)
class Position:
    """Where a training stands: the step and epoch about to run, from 0, and how many there are."""

    step: int
    steps: int
    epoch: int
    epochs: int


def learning_rate(base: float, schedule: Schedule, position: Position) -> float:
    """The rate to use in the step at ``position`` for a group whose own rate is ``base``."""
    match schedule:
        case ConstantSchedule():
            return base
        case StepSchedule(every=every, gamma=gamma):
            return float(base * gamma ** (position.epoch // every))
        case PolySchedule(power=power, floor=floor, per=per):
            done, total = (
                (position.step, position.steps) if per == "step" else (position.epoch, position.epochs)
            )
            return float(max(floor, base * (1 - done / total) ** power))
        case OneCycleSchedule(warmup=warmup):
            return _one_cycle(base, warmup, position.step, position.steps)


def _one_cycle(peak: float, warmup: float, step: int, steps: int) -> float:
    start, end = peak / _START_DIVISOR, peak / _START_DIVISOR / _END_DIVISOR
    top = warmup * steps - 1
    if step <= top:
        return _cosine(start, peak, step / top if top > 0 else 1.0)
    return _cosine(peak, end, min(1.0, (step - top) / (steps - 1 - top)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
