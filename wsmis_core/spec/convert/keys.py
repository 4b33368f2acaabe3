"""A config whose keys are taken one by one: into a param, or into a note that says why not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from wsmis_core.errors import SpecError

__all__ = ["Keys", "Note", "in_one_line"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Note:
    """A key of the config that has no meaning here, or not the same, and why."""

    key: str
    why: str

    def __str__(self) -> str:
        return in_one_line(f"{self.key}: {self.why}")


def in_one_line(text: str) -> str:
    """``text`` with line breaks and all else that is not shown as escapes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )


class Keys:
    """The config by dotted keys, with the ``params`` and ``notes`` that have come of it.

    A key counts as known once it has been asked for; `unknown` lists the others.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._leaves = dict(_leaves(config))
        self._known: set[str] = set()
        self.params: dict[str, Any] = {}
        self.notes: list[Note] = []
        self._sources: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        return any(leaf == key or leaf.startswith(f"{key}.") for leaf in self._leaves)

    def value(self, key: str) -> Any:
        """What the config says; None where it says nothing."""
        self._known.add(key)
        return self._leaves.get(key)

    def typed(self, key: str, kind: type[T], *, remedy: str) -> T | None:
        """What the config says, if it is a ``kind``; None where it says nothing.

        Raises SpecError where it says something else. True and false are no numbers.
        """
        value = self.value(key)
        if value is None or (isinstance(value, kind) and isinstance(value, bool) == (kind is bool)):
            return value
        raise SpecError(f"{value!r} is not possible here.", field=key, remedy=remedy)

    def needed(self, key: str) -> Any:
        """The same; raises SpecError where it says nothing."""
        if self.value(key) is None:
            raise SpecError("this key is missing.", field=key, remedy="Give a value for it.")
        return self._leaves[key]

    def choice(self, key: str, choices: Mapping[str, T], *, default: str | None = None) -> T:
        """What ``choices`` has for the value; raises SpecError where it has nothing."""
        value = self.needed(key) if default is None else self.value(key)
        if value is None:
            value = default
        for name in (value, str(value).lower()):
            if isinstance(name, str) and name in choices:
                return choices[name]
        close = difflib.get_close_matches(str(value), choices, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise SpecError(
            f"{value!r} has no counterpart here.", field=key, remedy=f"Use one of {', '.join(choices)}.{hint}"
        )

    def put(self, param: str, value: Any, *, key: str) -> None:
        """Set a param, which comes from ``key``; its dots go deeper."""
        *path, last = param.split(".")
        here = self.params
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
        self.trace(param, key=key)

    def trace(self, param: str, *, key: str) -> None:
        """Say that ``param``, or what lies below it, comes from ``key``."""
        self._sources[param] = key

    def note(self, key: str, why: str) -> None:
        """Say ``why`` of a key that is there, and of each below it of which nothing was said yet."""
        said = {note.key for note in self.notes}
        for leaf in self._leaves:
            if leaf not in said and (leaf == key or leaf.startswith(f"{key}.")):
                self._known.add(leaf)
                self.notes.append(Note(leaf, why))

    def unknown(self) -> list[str]:
        """The keys that nobody has asked for."""
        return [leaf for leaf in self._leaves if leaf not in self._known]

    def source(self, param: str | None) -> str | None:
        """The key from which the param came, or the param itself."""
        path = (param or "").split(".")
        for length in range(len(path), 0, -1):
            key = self._sources.get(".".join(path[:length]))
            if key is not None:
                return key
        return param


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is neither a mapping nor a list of mappings, by its dotted key."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            value = {str(place): item for place, item in enumerate(value)}
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value
