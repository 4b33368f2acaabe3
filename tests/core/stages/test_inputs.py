"""What stages read: the order of the samples."""

from __future__ import annotations

from collections import Counter

from wsmis_core.data import Sample
from wsmis_core.stages.inputs import sampled_order


def _sample(number: int, labels: tuple[int, ...]) -> Sample:
    return Sample(
        id=str(number),
        file=f"{number}.png",
        patient=str(number),
        labels=labels,
        split="train",
        height=1,
        width=1,
        content="",
    )


def test_balanced_between_combinations_of_classes_unknown_ones_aside() -> None:
    labels = [(1, 0), (1, -1), (1, 0), (0, 0), (-1, 0), (0, 1), (0, -1), (0, 0)]
    samples = [_sample(number, of_one) for number, of_one in enumerate(labels)]
    drawn = Counter(
        samples[number].class_ids
        for epoch in range(400)
        for number in sampled_order(samples, sampler="balanced", seed=0, epoch=epoch)
    )
    assert drawn.keys() == {(), (1,), (2,)}
    assert all(abs(count / drawn.total() - 1 / 3) < 0.03 for count in drawn.values())
