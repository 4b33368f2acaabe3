"""Item stages: one file an item, each written atomically, none made twice.

An item that an earlier attempt at the same job finished is taken over by a hard link.
The job's params and inputs are the same in each of its attempts, so a file under an
item's name is that item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wsmis_core.engine.context import RunContext
from wsmis_core.files import link_or_copy, write_atomically

__all__ = ["ItemFolder"]

T = TypeVar("T")


class ItemFolder:
    """The folder ``name`` of a stage's output, one file an item."""

    def __init__(self, context: RunContext, name: str, *, suffix: str) -> None:
        self._context = context
        self._name, self._suffix = name, suffix
        (context.output / name).mkdir(parents=True, exist_ok=True)

    def path(self, item_id: str) -> Path:
        """Where an item's file is."""
        return self._context.output / self._name / f"{item_id}{self._suffix}"

    def write(self, item_id: str, write: Callable[[Path], None]) -> None:
        """Have ``write`` fill the item's file."""
        write_atomically(self.path(item_id), write)

    def unfinished(
        self, items: Sequence[T], *, item_id: Callable[[T], str], beside: Sequence[ItemFolder] = ()
    ) -> list[T]:
        """Those of ``items`` that are this rank's and not there yet, here or from an earlier attempt.

        An item is there when it is here and in each folder ``beside``.
        """
        mine = [items[index] for index in self._context.ranks.share(len(items))]
        folders = (self, *beside)
        return [item for item in mine if not all(folder._taken_over(item_id(item)) for folder in folders)]

    def batches(
        self,
        items: Sequence[T],
        *,
        item_id: Callable[[T], str],
        size: int,
        phase: str,
        unit: str = "images",
        beside: Sequence[ItemFolder] = (),
    ) -> Iterator[Sequence[T]]:
        """This rank's `unfinished` items in batches, with progress; stops between two when asked to."""
        left = self.unfinished(items, item_id=item_id, beside=beside)
        total = len(self._context.ranks.share(len(items)))
        progress = self._context.progress(phase, total=total, unit=unit, done=total - len(left))
        for start in range(0, len(left), size):
            self._context.stop.check()
            batch = left[start : start + size]
            yield batch
            progress.advance(len(batch))

    def _taken_over(self, item_id: str) -> bool:
        target = self.path(item_id)
        if target.exists():
            return True
        for output in self._context.earlier_outputs:
            source = output / self._name / target.name
            if source.exists():
                link_or_copy(source, target)
                return True
        return False
