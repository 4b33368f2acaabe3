"""Charts as inline SVG: text in, text out; no script, no font or picture from elsewhere.

Colours are the page's CSS variables (`report_page`), so that a chart is readable in light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["SERIES", "confusion_chart", "line_chart", "reliability_chart"]

# So many lines are told apart, by colour and by dashes.
SERIES = 6

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 42
_TICKS = (0, 0.2, 0.4, 0.6, 0.8, 1)
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 5", "1 4")
_BAR_HEIGHT = 0.15  # of the plot, for how many cases a bin has
_CELL = 54
_LEAST_CELL = 20
_CHART_CELLS = 560  # pixels for all cells of a confusion matrix, if they are not too many
_NAME_LENGTH = 18
_WIDE_ENOUGH = 40  # a cell that a figure fits in
_DARK_SHARE = 0.55  # of a cell's shade, above which its text is light

Line = Sequence[tuple[float, float]]


def line_chart(
    lines: Mapping[str, Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> str:
    """Lines over the unit square, each with its name in a legend; ``marks`` are points on them."""
    assert len(lines) <= SERIES, "more lines than can be told apart"
    parts = [_frame(x_label, y_label)]
    for number, (name, points) in enumerate(lines.items()):
        parts.append(
            f'<polyline class="line s{number}" stroke-dasharray="{_DASHES[number]}" '
            f'points="{_points(points)}"/>'
        )
        if marks and name in marks:
            x, y = _place(*marks[name])
            parts.append(f'<circle class="mark s{number}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    parts += _legend(list(lines))
    height = _HEIGHT + 20 * len(lines)
    return _svg(_WIDTH, height, title=title, body="".join(parts))


def reliability_chart(
    probability: Sequence[float | None], share: Sequence[float | None], cases: Sequence[int], *, title: str
) -> str:
    """What came true of each bin's mean probability, beside the diagonal; bars: how many cases a bin has."""
    parts = [_frame("predicted probability", "share that is so")]
    most = max([*cases, 1])
    width = (_WIDTH - _LEFT - _RIGHT) / len(cases)
    base = _HEIGHT - _BOTTOM
    for number, count in enumerate(cases):
        height = (base - _TOP) * _BAR_HEIGHT * count / most
        left = _LEFT + number * width
        parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{base - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}"/>'
        )
    parts.append(f'<polyline class="ideal" points="{_points([(0, 0), (1, 1)])}"/>')
    there = [(x, y) for x, y in zip(probability, share, strict=True) if x is not None and y is not None]
    parts.append(f'<polyline class="line s0" points="{_points(there)}"/>')
    for point in there:
        x, y = _place(*point)
        parts.append(f'<circle class="mark s0" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return _svg(_WIDTH, _HEIGHT, title=title, body="".join(parts))


def confusion_chart(matrix: Sequence[Sequence[int]], *, classes: Sequence[str], title: str) -> str:
    """True classes in rows, predicted ones in columns; a cell's shade and figure are its share of the row."""
    count = len(classes)
    cell = max(_LEAST_CELL, min(_CELL, _CHART_CELLS // count))
    names = [_shortened(name) for name in classes]
    room = 12 + 7 * max(map(len, names))
    left, top = room + 16, room + 16
    side = cell * count
    parts = [
        f'<text class="label" x="{left + side / 2}" y="12" text-anchor="middle">predicted</text>',
        f'<text class="label" text-anchor="middle" transform="translate(11 {top + side / 2}) rotate(-90)">'
        "true</text>",
    ]
    for number, name in enumerate(names):
        middle = (number + 0.5) * cell
        parts.append(
            f'<text class="tick" x="{left - 6}" y="{top + middle + 4:.1f}" text-anchor="end">'
            f"{escape(name)}</text>"
            f'<text class="tick" transform="translate({left + middle + 4:.1f} {top - 6}) rotate(-90)">'
            f"{escape(name)}</text>"
        )
    for row, (true, counts) in enumerate(zip(classes, matrix, strict=True)):
        whole = sum(counts)
        for column, (predicted, pixels) in enumerate(zip(classes, counts, strict=True)):
            share = pixels / whole if whole else 0.0
            x, y = left + column * cell, top + row * cell
            told = f"{true} as {predicted}: {pixels:,} of {whole:,}"
            parts.append(
                f'<g><title>{escape(told)}</title><rect class="cell" x="{x}" y="{y}" width="{cell}" '
                f'height="{cell}"/><rect class="shade" fill-opacity="{share:.3f}" x="{x}" y="{y}" '
                f'width="{cell}" height="{cell}"/>{_figure(share, x, y, cell) if whole else ""}</g>'
            )
    return _svg(left + side + 8, top + side + 8, title=title, body="".join(parts))


def _figure(share: float, x: float, y: float, cell: int) -> str:
    if cell < _WIDE_ENOUGH:
        return ""
    kind = "on-shade" if share > _DARK_SHARE else "figure"
    middle = x + cell / 2
    return f'<text class="{kind}" x="{middle}" y="{y + cell / 2 + 4}" text-anchor="middle">{share:.3f}</text>'


def _frame(x_label: str, y_label: str) -> str:
    """The unit square's grid, its figures and the axes' names."""
    right, base = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for tick in _TICKS:
        x, y = _place(tick, tick)
        parts.append(
            f'<path class="grid" d="M{x:.1f} {_TOP}V{base}M{_LEFT} {y:.1f}H{right}"/>'
            f'<text class="tick" x="{x:.1f}" y="{base + 16}" text-anchor="middle">{tick:g}</text>'
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    parts.append(
        f'<text class="label" x="{(_LEFT + right) / 2}" y="{base + 34}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
        f'<text class="label" text-anchor="middle" transform="translate(12 {(_TOP + base) / 2}) rotate(-90)">'
        f"{escape(y_label)}</text>"
    )
    return "".join(parts)


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        y = _HEIGHT + 20 * number + 4
        parts.append(
            f'<path class="line s{number}" stroke-dasharray="{_DASHES[number]}" d="M{_LEFT} {y}h34"/>'
            f'<text class="label" x="{_LEFT + 42}" y="{y + 4}">{escape(name)}</text>'
        )
    return parts


def _points(points: Line) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*point) for point in points))


def _place(x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit square lies in the picture."""
    right, base = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    return _LEFT + x * (right - _LEFT), base - y * (base - _TOP)


def _svg(width: float, height: float, *, title: str, body: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title, quote=True)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{body}</svg>'
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
