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


def write_table(scores: Sequence[Score], folder: Path) -> None:
    """Write `scores.json`, every figure, and `table.md`, medians over the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_text(json.dumps([asdict(score) for score in scores], indent=1))
    kinds = sorted({score.kind for score in scores})
    parts = [
        "\n".join(_group(group, variants, [s for s in scores if s.group == group], kinds))
        for group, variants in GROUPS.items()
    ]
    parts += ["\n".join(_whole(group, [s for s in scores if s.group == group], kinds)) for group in WHOLE]
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
    steps = list(dict.fromkeys(score.step for score in scores))
    yield f"| {group} | seed | " + " | ".join(steps) + " |"
    yield "| --- " * (len(steps) + 2) + "|"
    for kind in kinds:
        for seed in sorted({score.seed for score in scores}):
            for variant in dict.fromkeys(score.variant for score in scores):
                row = {s.step: s for s in scores if (s.kind, s.seed, s.variant) == (kind, seed, variant)}
                cells = [
                    f"{_figure(row[step].value)} ({_figure(row[step].low)} to {_figure(row[step].high)})"
                    for step in steps
                ]
                yield f"| {kind}, {variant} | {seed} | " + " | ".join(cells) + " |"


def _cell(scores: Sequence[Score]) -> str:
    """Median over the seeds, then the least and the largest of all."""
    if not scores:
        return ""
    values = [score.value for score in scores]
    return f"{_figure(median(values))} ({_figure(min(values))} to {_figure(max(values))})"


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
