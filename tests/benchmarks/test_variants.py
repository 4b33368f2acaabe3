"""Every variant of the method's benchmark is one that can be asked for."""

from __future__ import annotations

import pytest

from benchmarks.method.kinds import KINDS
from benchmarks.method.trials import planned
from benchmarks.method.variants import GROUPS, WHOLE

VARIANTS = [
    (kind, group, variant)
    for kind in KINDS
    for group, variants in {**GROUPS, **WHOLE}.items()
    for variant in variants
]


@pytest.mark.parametrize(("kind", "group", "variant"), VARIANTS)
def test_a_variant_can_be_planned(kind: str, group: str, variant: str) -> None:
    steps = planned(KINDS[kind], {**GROUPS, **WHOLE}[group][variant], seed=3)
    assert {step.params["seed"] for step in steps} == {3}
    assert steps[-1].stage in ("evaluate", "predict")
