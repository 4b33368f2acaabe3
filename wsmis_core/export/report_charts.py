"""The charts of the report's page, beside their figures."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from wsmis_core.export.charts import SERIES, confusion_chart, line_chart, reliability_chart
from wsmis_core.export.markup import figure, table
from wsmis_core.export.report_tables import STEP_SCORES, number

__all__ = ["calibration_section", "confusion_section", "thresholds_section"]

_CURVES = {"dice_positives": "Dice over positive images", "mean_iou": "mean IoU"}

_MOST_CONFUSED = 32  # classes of a matrix that can be looked at
_MOST_RELIABILITY = 24  # plots of one model
_RELIABILITY_IN_SIGHT = 3


def thresholds_section(steps: Mapping[str, Any]) -> str:
    curves = {name: scores["curve"] for name, scores in steps.items() if "curve" in scores}
    rows = [
        [name, _rule(scores["threshold"]), *(_best(curves.get(name), score) for score in _CURVES)]
        for name, scores in steps.items()
        if scores["threshold"] is not None
    ]
    headings = ["step", "threshold used", *(f"best for {title}" for title in _CURVES.values())]
    scores_table = (
        table("Thresholds, and those that would be best on these images", headings, rows) if rows else ""
    )
    charts = "".join(_curve_chart(curves, score, title) for score, title in _CURVES.items()) if curves else ""
    return f'<section><h2>Thresholds</h2>{scores_table}<div class="charts">{charts}</div></section>'


def _curve_chart(curves: Mapping[str, Any], score: str, title: str) -> str:
    lines, marks = {}, {}
    for name, curve in list(curves.items())[:SERIES]:
        pairs = zip(curve["thresholds"], curve[score], strict=True)
        lines[name] = [(x, y) for x, y in pairs if y is not None]
        best = curve["best"][score]
        if best is not None:
            marks[name] = (best["threshold"], best["score"])
    svg = line_chart(
        lines, title=f"{title} against the threshold", x_label="threshold", y_label=title, marks=marks
    )
    return figure(svg, f"{title} against the threshold. Points: the best one of each step.")


def _rule(threshold: Mapping[str, Any]) -> str:
    kind = threshold["name"].replace("_", " ")
    if threshold["name"] == "chosen":
        return (
            f"{threshold['value']:.3f}, chosen for {_title(threshold['score'])} on the "
            f"{threshold['split']} split ({threshold['images']:,} images, reached {threshold['reached']:.3f})"
        )
    details = [f"{name} {value:g}" for name, value in threshold.items() if isinstance(value, int | float)]
    return f"{kind} ({', '.join(details)})" if details else kind


def _title(score: str) -> str:
    return STEP_SCORES.get(score, score)


def _best(curve: Mapping[str, Any] | None, score: str) -> str:
    best = None if curve is None else curve["best"][score]
    return "–" if best is None else f"{best['threshold']:.3f} ({best['score']:.3f})"


def calibration_section(report: Mapping[str, Any]) -> str:
    models = {
        name: scores["calibration"]
        for name, scores in [*report["steps"].items(), ("classifier", report.get("classifier", {}))]
        if "calibration" in scores
    }
    if not models:
        return ""
    rows = [
        [f"{model}, {name}", number(of_class["expected_error"])]
        for model, calibration in models.items()
        for name, of_class in calibration["classes"].items()
    ]
    errors = table("Expected calibration error", ["model and class", "error"], rows)
    charts = "".join(_reliability(model, calibration) for model, calibration in models.items())
    return f"<section><h2>Calibration</h2>{errors}{charts}</section>"


def _reliability(model: str, calibration: Mapping[str, Any]) -> str:
    """A model's plots; closed until asked for where they are many."""
    charts = []
    for name, of_class in list(calibration["classes"].items())[:_MOST_RELIABILITY]:
        svg = reliability_chart(
            of_class["probability"],
            of_class["share"],
            of_class["cases"],
            title=f"Reliability: {model}, {name}",
        )
        caption = f"{model}, {name}: on the diagonal, what is predicted comes true as often. Bars: cases."
        charts.append(figure(svg, caption))
    plots = f'<div class="charts">{"".join(charts)}</div>'
    if len(charts) <= _RELIABILITY_IN_SIGHT:
        return plots
    return f"<details><summary>{escape(model)}: {len(charts)} plots</summary>{plots}</details>"


def confusion_section(steps: Mapping[str, Any]) -> str:
    charts = []
    for name, scores in steps.items():
        confusion = scores["confusion"]
        if len(confusion["classes"]) > _MOST_CONFUSED:
            return "<section><h2>Confusion</h2><p>Too many classes to draw: see report.json.</p></section>"
        svg = confusion_chart(confusion["matrix"], classes=confusion["classes"], title=f"Confusion: {name}")
        charts.append(
            figure(svg, f"{name}: of the pixels of each true class (rows), the share of each prediction.")
        )
    if not charts:
        return ""
    return f'<section><h2>Confusion</h2><div class="charts">{"".join(charts)}</div></section>'
