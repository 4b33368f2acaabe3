"""Learning rates against the published figures and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wsmis_core.engine.schedules import Position, learning_rate
from wsmis_core.spec.parts import ConstantSchedule, OneCycleSchedule, PolySchedule, StepSchedule

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "11_schedules.npz"


def at(*, step: int = 0, steps: int = 1, epoch: int = 0, epochs: int = 1) -> Position:
    return Position(step=step, steps=steps, epoch=epoch, epochs=epochs)


def test_poly_a_step_is_the_published_one() -> None:
    with np.load(GOLDEN, allow_pickle=False) as golden:
        steps = int(golden["poly_opt_max_step"])
        schedule = PolySchedule(power=float(golden["poly_opt_power"]), per="step")
        for column, base in enumerate((0.1, 1.0)):
            rates = [learning_rate(base, schedule, at(step=step, steps=steps)) for step in range(steps)]
            np.testing.assert_allclose(rates, golden["poly_opt_lrs_per_step"][:steps, column], rtol=1e-6)


@pytest.mark.parametrize("bases", [(0.001, 0.01), (0.0001, 0.001)])
def test_poly_an_epoch_is_the_published_one(bases: tuple[float, float]) -> None:
    schedule = PolySchedule(power=0.9, floor=1e-6, per="epoch")
    with np.load(GOLDEN, allow_pickle=False) as golden:
        published = golden[f"polylr_max40_base{bases[0]}_{bases[1]}"]
    for column, base in enumerate(bases):
        rates = [learning_rate(base, schedule, at(epoch=epoch, epochs=40)) for epoch in range(41)]
        np.testing.assert_allclose(rates, published[:, column], rtol=1e-6)


def test_steps_and_constant() -> None:
    schedule = StepSchedule(every=5, gamma=0.1)
    assert [learning_rate(2.0, schedule, at(epoch=epoch)) for epoch in (0, 4, 5, 9, 10)] == pytest.approx(
        [2.0, 2.0, 0.2, 0.2, 0.02]
    )
    assert learning_rate(0.3, ConstantSchedule(), at(step=7, steps=9)) == 0.3


def test_one_cycle_starts_low_peaks_after_the_warm_up_and_ends_near_zero() -> None:
    rates = [
        learning_rate(1.0, OneCycleSchedule(warmup=0.3), at(step=step, steps=100)) for step in range(100)
    ]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[29] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(1 / 25 / 1e4)
    assert rates[:30] == sorted(rates[:30])
    assert rates[29:] == sorted(rates[29:], reverse=True)


def test_one_cycle_of_a_single_step_has_a_rate() -> None:
    assert learning_rate(1.0, OneCycleSchedule(), at(step=0, steps=1)) > 0
