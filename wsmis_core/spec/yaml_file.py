"""A user's YAML file, read without trust."""

from __future__ import annotations

from pathlib import Path

import yaml

from wsmis_core.errors import SpecError

__all__ = ["read_yaml"]

_DEEPEST = 50  # mappings and lists in each other
_MOST = 100_000  # values, those behind aliases counted wherever they stand
_BITS = 1024  # of a whole number


def read_yaml(path: Path) -> object:
    """What the file holds: a tree of a sensible size, without a value that is part of itself.

    Raises SpecError that names the file.
    """
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        _check_tree(held)
    except OSError as error:
        raise SpecError(
            f"it cannot be read: {error.strerror}.", field=str(path), remedy="Name a YAML file."
        ) from None
    except RecursionError:
        raise _not_yaml(path, "its values lie too deep in each other") from None
    except (yaml.YAMLError, ValueError) as error:  # the second of a date or number that there cannot be
        raise _not_yaml(path, str(error)) from None
    return held


def _not_yaml(path: Path, why: str) -> SpecError:
    return SpecError(f"it is not YAML: {why}.", field=str(path), remedy="Correct its syntax.")


def _check_tree(held: object) -> None:
    """Raise ValueError where nobody could go through it, or write it out again."""
    count, waiting = 0, [(held, 0)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > _DEEPEST:
            raise ValueError(f"values lie more than {_DEEPEST} deep in each other, or an alias in itself")
        if count > _MOST:
            raise ValueError(f"it holds more than {_MOST} values, those behind aliases counted each time")
        match value:
            case dict():
                waiting += [(part, depth + 1) for pair in value.items() for part in pair]
            case list() | tuple() | set():
                waiting += [(part, depth + 1) for part in value]
            case int() if value.bit_length() > _BITS:
                raise ValueError(f"a number has more than {_BITS} bits")
            case str():
                value.encode()  # halves of a surrogate pair are in no text
