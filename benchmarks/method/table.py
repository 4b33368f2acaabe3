"""The figures as Markdown: a table a group, a row a variant, a column a kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.method.trials import Score
from benchmarks.method.variants import GROUPS, WHOLE

_SHOWN = "pseudo_labels"  # the step that a group's variants are compared at

# The steps of a whole run, and how they are headed.
STEPS = {
    "cams": "CAMs",
    "ir_labels": "seeds",
    "pseudo_labels": "pseudo-labels",
    "segmenter": "segmenter",
    "ceiling": "ceiling",
}


def write_table(scores: Sequence[Score], folder: Path) -> None:
    """Write `scores.json`, every figure, and `table.md`, medians over the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_text(json.dumps([asdict(score) for score in scores], indent=1))
    kinds = sorted({score.kind for score in scores})
    of_group = {group: [s for s in scores if s.group == group] for group in (*WHOLE, *GROUPS)}
    parts = ["\n".join(_whole(group, of_group[group], kinds)) for group in WHOLE if of_group[group]]
    parts += [
        "\n".join(_group(group, variants, of_group[group], kinds))
        for group, variants in GROUPS.items()
        if of_group[group]
    ]
    (folder / "table.md").write_text("\n\n".join(parts) + "\n")


def _group(
    group: str, variants: Iterable[str], scores: Sequence[Score], kinds: Sequence[str]
) -> Iterator[str]:
    yield f"| {group} | " + " | ".join(kinds) + " |"
    yield "| --- " * (len(kinds) + 1) + "|"
    for variant in variants:
        cells = [
            _cell([s for s in scores if (s.variant, s.kind, s.step) == (variant, kind, _SHOWN)])
            for kind in kinds
        ]
        yield f"| {variant} | " + " | ".join(cells) + " |"


def _whole(group: str, scores: Sequence[Score], kinds: Sequence[str]) -> Iterator[str]:
    """A row a run, and one of the medians over the seeds; how near each is to its ceiling comes last."""
    steps = [step for step in STEPS if any(score.step == step for score in scores)]
    columns = [*(STEPS[step] for step in steps), "segmenter / ceiling"]
    yield f"| {group} | seed | " + " | ".join(columns) + " |"
    yield "| --- " * (len(columns) + 2) + "|"
    for kind in kinds:
        for variant in dict.fromkeys(score.variant for score in scores):
            of_kind = [s for s in scores if (s.kind, s.variant) == (kind, variant)]
            seeds = sorted({score.seed for score in of_kind})
            for seed in seeds:
                cells = [_cell([s for s in of_kind if (s.seed, s.step) == (seed, step)]) for step in steps]
                share = _figure(_share_of_ceiling(of_kind, seed))
                yield f"| {kind}, {variant} | {seed} | " + " | ".join([*cells, share]) + " |"
            if len(seeds) > 1:
                values = [median(s.value for s in of_kind if s.step == step) for step in steps]
                values.append(median(_share_of_ceiling(of_kind, seed) for seed in seeds))
                yield f"| {kind}, {variant} | median | " + " | ".join(map(_figure, values)) + " |"


def _share_of_ceiling(scores: Sequence[Score], seed: int) -> float:
    """The segmenter's score over that of the one trained on true masks."""
    of_step = {score.step: score.value for score in scores if score.seed == seed}
    return of_step["segmenter"] / of_step["ceiling"]


def _cell(scores: Sequence[Score]) -> str:
    """Median over the seeds, and from the least to the largest end of their intervals."""
    if not scores:
        return ""
    value = median(score.value for score in scores)
    low, high = min(score.low for score in scores), max(score.high for score in scores)
    return f"{_figure(value)} ({_figure(low)} to {_figure(high)})"


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
