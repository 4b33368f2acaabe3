"""From a table's rows and a folder's files to one entry a file, and what has no counterpart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.file_finder import FileFinder, NoSuchFile
from wsmis_core.data.layouts.table import Row, Table
from wsmis_core.errors import DataError
from wsmis_core.spec.parts import Split

__all__ = ["Entries", "Entry", "filled", "first_of", "read_entries", "without_row"]

MOST_SINGLY = 20  # of one kind of problem that a part of a data set has by the thousand


@dataclass(frozen=True, slots=True)
class Entry:
    """One row whose file is there."""

    line: int
    file: str
    labels: tuple[int, ...]
    patient: str | None
    split: Split | None

    def says_the_same(self, other: Entry) -> bool:
        return (self.labels, self.patient, self.split) == (other.labels, other.patient, other.split)


@dataclass(frozen=True, slots=True)
class Entries:
    """One entry a file, in the order of the files; ``named`` are all that have a row, be it a wrong one."""

    kept: tuple[Entry, ...]
    named: frozenset[str]
    problems: tuple[DataProblem, ...]


def read_entries(
    table: Table, finder: FileFinder, *, file_column: str, read: Callable[[Row, str], Entry]
) -> Entries:
    """What ``read`` makes of each row and its file; rows that cannot be used become problems.

    A row cannot be used where its file is missing, ``read`` raises DataError, or another row says something
    else of the file.
    """
    by_file: dict[str, list[Entry]] = {}
    named: set[str] = set()
    problems: list[DataProblem] = []
    missing: list[DataProblem] = []
    for row in table.rows:
        try:
            file = finder.find(filled(row, file_column))
            named.add(file)
            entry = read(row, file)
        except NoSuchFile as error:
            missing.append(_unusable(table, row, error))
        except DataError as error:
            problems.append(_unusable(table, row, error))
        else:
            by_file.setdefault(file, []).append(entry)
    kept: list[Entry] = []
    for file, claims in sorted(by_file.items()):
        agreed = all(claim.says_the_same(claims[0]) for claim in claims)
        if agreed:
            kept.append(claims[0])
        if len(claims) > 1:
            problems.append(_repeated(table, file, claims, agreed=agreed))
    problems += first_of(missing, file=table.name, what="rows have no file either")
    return Entries(tuple(kept), frozenset(named), tuple(problems))


def filled(row: Row, column: str) -> str:
    """What stands in a row's cell; raises DataError where that is nothing."""
    if not row.cells[column]:
        raise DataError(f"nothing stands in the column {column!r}")
    return row.cells[column]


def without_row(files: Iterable[str], named: Set[str], *, table: str) -> Iterator[DataProblem]:
    """Files of the kinds that the table names, without a row of their own."""
    suffixes = {PurePosixPath(file).suffix.lower() for file in named}
    problems = [
        DataProblem(
            file=file, message="this file has no row: its label is not known.", remedy="Add a row for it."
        )
        for file in files
        if file not in named and PurePosixPath(file).suffix.lower() in suffixes
    ]
    return first_of(problems, file=table, what="files have no row either")


def first_of(problems: Sequence[DataProblem], *, file: str, what: str) -> Iterator[DataProblem]:
    """The first problems of one kind, and the number of the others, as ``what``, in one more."""
    yield from problems[:MOST_SINGLY]
    if len(problems) > MOST_SINGLY:
        last = problems[-1]
        yield DataProblem(
            file=file,
            message=f"{len(problems) - MOST_SINGLY} more {what}.",
            remedy=last.remedy,
            severity=last.severity,
        )


def _unusable(table: Table, row: Row, error: DataError) -> DataProblem:
    return DataProblem(
        file=table.name,
        message=f"line {row.line}: {error.message}.",
        remedy="Correct the row; it is left out.",
    )


def _repeated(table: Table, file: str, claims: Sequence[Entry], *, agreed: bool) -> DataProblem:
    lines = ", ".join(str(claim.line) for claim in claims)
    if agreed:
        return DataProblem(
            file=table.name,
            message=f"lines {lines} say the same of {file}; they count once.",
            severity="info",
        )
    return DataProblem(
        file=table.name,
        message=f"lines {lines} differ about {file}; it is left out.",
        remedy="Keep one row for each file.",
    )
