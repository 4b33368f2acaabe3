"""Labels out of a table's row: columns of 0 and 1, or yes and no, or one column of names."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.table import Row, Table, column_like, given_column
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import MOST_CLASSES, CsvDataset

__all__ = [
    "NUMBERS",
    "Labelling",
    "NameColumn",
    "NumberColumns",
    "findings_in",
    "make_labelling",
    "number_in",
]

# What a cell may say, case aside.
NUMBERS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "no": 0, "yes": 1}
ODD_SHARE = 0.1  # of its cells that are not blank, a column guessed to be of numbers may hold others
ANY_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
NAMES_COLUMNS = ("Finding Labels", "labels", "label", "findings", "finding", "classes", "class", "diagnosis")


class Labelling(Protocol):
    """How the rows of one table are labelled."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def labels(self, row: Row) -> tuple[int, ...]:
        """0 or 1 for each class; raises DataError where the row does not say."""


@dataclass(frozen=True, slots=True)
class NumberColumns:
    """A column a class, of 0 and 1."""

    classes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.classes

    def labels(self, row: Row) -> tuple[int, ...]:
        return tuple(number_in(row, column) for column in self.classes)


@dataclass(frozen=True, slots=True)
class NameColumn:
    """One column of separated names, or of the one that stands for no label."""

    column: str
    separator: str
    no_finding: str
    classes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def labels(self, row: Row) -> tuple[int, ...]:
        names = findings_in(row, self.column, separator=self.separator, no_finding=self.no_finding)
        return tuple(int(name in names) for name in self.classes)


def make_labelling(
    spec: CsvDataset, table: Table, problems: list[DataProblem], *, other_columns: set[str]
) -> Labelling:
    """The labelling that the options name, or else the one that the table suggests.

    Where nothing is named, every column that holds 0 and 1, and little else, is a class, ``other_columns``
    aside; without any, a column that is called as label columns usually are. The columns that are passed over
    are added to ``problems``.

    Raises DataError where a named column is missing or named twice, both kinds are named, no column can be
    one, there are no classes or too many, or the names of a column that was not named are numbers.
    """
    if spec.label_columns and spec.labels_column:
        raise DataError(
            "both label_columns and labels_column are given.",
            field="options.labels_column",
            remedy="Give one of them.",
        )
    if spec.label_columns:
        return _number_columns(
            table,
            tuple(given_column(table, name, option="options.label_columns") for name in spec.label_columns),
        )
    if spec.labels_column:
        column = given_column(table, spec.labels_column, option="options.labels_column")
        return _name_column(spec, table, column)
    candidates = tuple(name for name in table.columns if name and name not in other_columns)
    labelling = _guessed(spec, table, candidates)
    others = tuple(name for name in candidates if name not in labelling.columns)
    if others:
        problems.append(_passed_over(table, labelling, others))
    return labelling


def _guessed(spec: CsvDataset, table: Table, candidates: tuple[str, ...]) -> Labelling:
    numbers = tuple(name for name in candidates if _holds_numbers(table, name))
    if numbers:
        return _number_columns(table, numbers)
    column = column_like(candidates, NAMES_COLUMNS)
    if column is None:
        raise DataError(
            f"no column can be the labels'; the columns are {table.column_names}.",
            field=table.name,
            remedy="Name 0/1 columns in options.label_columns, or one of names in options.labels_column.",
        )
    labelling = _name_column(spec, table, column)
    strange = [name for name in labelling.classes if name.casefold() in NUMBERS or ANY_NUMBER.fullmatch(name)]
    if strange:
        raise DataError(
            f"the column {column!r} may be of numbers or of names: it holds {strange[0]!r}.",
            field=table.name,
            remedy="Name it in options.label_columns: rows of other than 0 and 1 are left out; "
            "or, if these are names, in options.labels_column.",
        )
    return labelling


def _passed_over(table: Table, labelling: Labelling, others: tuple[str, ...]) -> DataProblem:
    columns, passed = (", ".join(map(repr, names)) for names in (labelling.columns, others))
    return DataProblem(
        file=table.name,
        message=f"the labels are read from {columns}; passed over: {passed}.",
        remedy="If others are meant, name them in options.label_columns or labels_column.",
        severity="warning" if column_like(others, NAMES_COLUMNS) else "info",
    )


def _number_columns(table: Table, columns: tuple[str, ...]) -> NumberColumns:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(
            f"the column {twice[0]!r} is named twice.",
            field="options.label_columns",
            remedy="Name each column once.",
        )
    if len(columns) > MOST_CLASSES:
        raise DataError(
            f"{len(columns)} columns hold 0 and 1; 1 to {MOST_CLASSES} classes are possible.",
            field=table.name,
            remedy="Name those that are meant in options.label_columns.",
        )
    return NumberColumns(columns)


def _name_column(spec: CsvDataset, table: Table, column: str) -> NameColumn:
    names: set[str] = set()
    for row in table.rows:
        with suppress(DataError):  # such a row is told when its label is read
            names |= findings_in(row, column, separator=spec.separator, no_finding=spec.no_finding)
    classes = tuple(sorted(names))
    if not 1 <= len(classes) <= MOST_CLASSES:
        raise DataError(
            f"the column {column!r} holds {len(classes)} different labels, {spec.no_finding!r} aside; "
            f"1 to {MOST_CLASSES} are possible.",
            field=table.name,
            remedy="Name another in options.labels_column, or correct options.separator and no_finding.",
        )
    return NameColumn(column, spec.separator, spec.no_finding, classes)


def findings_in(row: Row, column: str, *, separator: str, no_finding: str) -> set[str]:
    """The names in a cell; none where ``no_finding``, in any case of letters, stands there alone.

    Raises DataError where the cell is empty or says both.
    """
    names = {name for part in row.cells[column].split(separator) if (name := part.strip())}
    if not names:
        raise DataError(f"the column {column!r} is empty; {no_finding!r} would stand for no label")
    findings = {name for name in names if name.casefold() != no_finding.casefold()}
    if findings and findings != names:
        raise DataError(f"the column {column!r} says {no_finding!r} beside {min(findings)!r}")
    return findings


def number_in(row: Row, column: str) -> int:
    """The 0 or 1 in a cell; raises DataError where there is none."""
    number = NUMBERS.get(row.cells[column].casefold())
    if number is None:
        raise DataError(f"{row.cells[column]!r} in the column {column!r} is not 0 or 1")
    return number


def _holds_numbers(table: Table, column: str) -> bool:
    """Whether a column has 0 or 1 in nearly all rows that are not blank."""
    cells = [cell.casefold() for row in table.rows if (cell := row.cells[column])]
    odd = sum(cell not in NUMBERS for cell in cells)
    return bool(cells) and odd <= ODD_SHARE * len(cells)
