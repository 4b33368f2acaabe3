"""Charts: where points lie, by hand; markup that parses; names escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from wsmis_core.export.charts import SERIES, confusion_chart, line_chart, reliability_chart

SVG = "{http://www.w3.org/2000/svg}"


def points(element: ET.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in element.attrib["points"].split()]  # type: ignore[misc]


def test_lines_in_the_unit_square() -> None:
    drawn = ET.fromstring(
        line_chart(
            {"a": [(0, 0), (1, 1)], "b": [(0, 0.5), (0.5, 0.5)]},
            title="A & B",
            x_label="x",
            y_label="y <",
            marks={"b": (0.5, 0.5)},
        )
    )
    first, second = drawn.iter(f"{SVG}polyline")
    # 460 x 300 pixels, with 46 on the left, 12 on the right, 12 above and 42 below.
    assert points(first) == [(46, 258), (448, 12)]
    assert points(second) == [(46, 135), (247, 135)]
    (mark,) = drawn.iter(f"{SVG}circle")
    assert (float(mark.attrib["cx"]), float(mark.attrib["cy"])) == (247, 135)
    assert drawn.attrib["role"] == "img"
    assert drawn.attrib["aria-label"] == drawn.findtext(f"{SVG}title") == "A & B"
    words = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"a", "b", "x", "y <"} <= set(words)


def test_each_line_has_its_own_dashes() -> None:
    drawn = ET.fromstring(
        line_chart({str(n): [(0, 0)] for n in range(SERIES)}, title="t", x_label="x", y_label="y")
    )
    dashes = [line.attrib["stroke-dasharray"] for line in drawn.iter(f"{SVG}polyline")]
    assert len(set(dashes)) == SERIES


def test_reliability_leaves_empty_bins_out() -> None:
    drawn = ET.fromstring(reliability_chart([0.25, None, 0.75], [0.5, None, 1.0], [3, 0, 1], title="t"))
    ideal, line = drawn.iter(f"{SVG}polyline")
    assert points(ideal) == [(46, 258), (448, 12)]
    assert points(line) == [(146.5, 135), (347.5, 12)]
    heights = [float(bar.attrib["height"]) for bar in drawn.iter(f"{SVG}rect")]
    assert heights == pytest.approx([0.15 * 246, 0, 0.05 * 246], abs=0.06)


def test_confusion_by_rows() -> None:
    drawn = ET.fromstring(confusion_chart([[3, 1], [0, 0]], classes=["<none>", "b"], title="t"))
    shades = [
        float(cell.attrib["fill-opacity"])
        for cell in drawn.iter(f"{SVG}rect")
        if "fill-opacity" in cell.attrib
    ]
    assert shades == [0.75, 0.25, 0, 0]
    told = [title.text for title in drawn.iter(f"{SVG}title")][1:]
    assert told[:2] == ["<none> as <none>: 3 of 4", "<none> as b: 1 of 4"]
    # A class that is not there has no figures.
    figures = [
        text.text for text in drawn.iter(f"{SVG}text") if text.attrib["class"] in {"figure", "on-shade"}
    ]
    assert figures == ["0.750", "0.250"]
