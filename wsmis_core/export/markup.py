"""Pieces of a page: text in, escaped; markup out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["figure", "table"]


def figure(svg: str, caption: str) -> str:
    """A chart with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose rows each begin with their heading; what follows a line break in a cell is set small."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in headings)
    body = "".join(f'<tr><th scope="row">{escape(first)}</th>{_tds(cells)}</tr>' for first, *cells in rows)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _tds(cells: Sequence[str]) -> str:
    parted = (cell.partition("\n") for cell in cells)
    return "".join(
        f"<td>{escape(first)}<small>{escape(rest)}</small></td>" if rest else f"<td>{escape(first)}</td>"
        for first, _, rest in parted
    )
