"""`name=value` words of the command line: values are YAML scalars, dots in names go deeper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from wsmis_core.errors import SpecError

__all__ = ["assignment", "min_scores", "nested", "pairs", "step_min_scores", "step_params"]


def assignment(word: str, *, option: str) -> tuple[str, str]:
    """``word`` split at its first `=`; raises SpecError that names the option."""
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise SpecError(f"{word!r} is not name=value.", field=option, remedy=f"Write {option} name=value.")
    return name, value


def pairs(words: Iterable[str], *, option: str) -> dict[str, str]:
    """Plain texts by name."""
    return dict(assignment(word, option=option) for word in words)


def nested(words: Iterable[str], *, option: str = "--set") -> dict[str, Any]:
    """Values by name, `a.b=1` as {"a": {"b": 1}}; a later word wins over an earlier one."""
    made: dict[str, Any] = {}
    for word in words:
        name, text = assignment(word, option=option)
        *path, last = name.split(".")
        here = made
        for part in path:
            below = here.setdefault(part, {})
            if not isinstance(below, dict):
                raise SpecError(
                    f"{word!r} goes below {part}, which was given as a whole.",
                    field=option,
                    remedy="Give it once, as a whole or by its parts.",
                )
            here = below
        here[last] = _value(text, word=word, option=option)
    return made


def step_params(words: Iterable[str], *, option: str = "--set") -> dict[str, dict[str, Any]]:
    """A recipe's overrides {step: {param: value}} of words `step.param=value`; the step `*` is every step."""
    words = list(words)
    for word in words:
        name, _ = assignment(word, option=option)
        if not all(name.split(".")) or "." not in name:
            raise SpecError(
                f"{word!r} names no step and param.",
                field=option,
                remedy=f"Write {option} step.param=value, or {option} '*.param=value' for every step.",
            )
    return nested(words, option=option)


def min_scores(words: Iterable[str], *, option: str = "--min-score") -> dict[str, float | None]:
    """Least values by metric; `null` takes a gate away."""
    return {
        metric: _least(text, word=f"{metric}={text}", option=option)
        for metric, text in pairs(words, option=option).items()
    }


def step_min_scores(
    words: Iterable[str], *, option: str = "--min-score"
) -> dict[str, dict[str, float | None]]:
    """{step: {metric: least}} of words `step.metric=least`."""
    made: dict[str, dict[str, float | None]] = {}
    for name, least in min_scores(words, option=option).items():
        step, dot, metric = name.partition(".")
        if not (step and dot and metric):
            raise SpecError(
                f"{name!r} names no step and metric.",
                field=option,
                remedy=f"Write {option} step.metric=least, as in train_classifier.val_f1=0.5.",
            )
        made.setdefault(step, {})[metric] = least
    return made


def _least(text: str, *, word: str, option: str) -> float | None:
    if text == "null":
        return None
    try:
        return float(text)
    except ValueError:
        raise SpecError(
            f"{word!r}: the least is no number.", field=option, remedy="Give a number, or null for no gate."
        ) from None


def _value(text: str, *, word: str, option: str) -> Any:
    try:
        return yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        raise SpecError(
            f"{word!r}: the value is not YAML.", field=option, remedy="Quote it, as in name='\"a: b\"'."
        ) from None
