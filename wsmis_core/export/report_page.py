"""The report as one HTML page that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from wsmis_core.export.charts import SERIES, confusion_chart, line_chart, reliability_chart
from wsmis_core.export.contact_sheet import Captioned
from wsmis_core.export.markup import figure, table
from wsmis_core.export.report_pictures import pictures_table
from wsmis_core.export.report_style import STYLE

__all__ = ["report_page"]

# The scores of a table, in this order, by their names in the report.
_STEP_SCORES = {
    "dice_positives": "Dice, positives",
    "dice_per_image": "Dice, per image",
    "dice_pooled": "Dice, pooled (F1)",
    "mean_iou": "mean IoU",
    "iou": "IoU (Jaccard)",
    "precision": "precision",
    "recall": "recall",
}
_LABEL_SCORES = {
    "auc": "AUC",
    "f1": "F1",
    "f1_negative": "F1, negative",
    "precision": "precision",
    "recall": "recall",
    "jaccard": "Jaccard",
    "accuracy": "accuracy",
}
_CURVES = {"dice_positives": "Dice over positive images", "mean_iou": "mean IoU"}
_MEANINGS = {
    "Dice, positives": "the mean over the images that have a true object.",
    "Dice, per image": "the mean over all images; an image where truth and result are both empty scores 1.",
    "Dice, pooled": "over the pixels of all images together; the same as F1.",
    "mean IoU": "from one confusion matrix over all images, the mean over the background and the classes; "
    "a class that neither truth nor result has is left out.",
    "IoU": "of the foreground, over the pixels of all images together; the same as Jaccard's index. With "
    "several classes this score and the others are means over the classes.",
    "AUC": "the chance that an image with the class gets a higher probability than one without it.",
    "Calibration error": "how far the share of what is so lies from the predicted probability, over 15 bins "
    "of it, weighed by their cases. Most pixels are background that is certain: look at the plot too.",
}

_MOST_CONFUSED = 32  # classes of a matrix that can be looked at
_MOST_RELIABILITY = 24  # plots of one model


def report_page(report: Mapping[str, Any], pictures: Sequence[Sequence[Captioned]]) -> str:
    """The page of `report.json`'s content; ``pictures`` are rows of overlays, a sample's name first.

    As many rows as fit into about 2 MB are shown, and how many are not is said.
    """
    steps: Mapping[str, Any] = report["steps"]
    parts = [_introduction(report)]
    if steps:
        parts += [_scores(steps), _of_classes(steps), _thresholds(steps)]
    parts += [
        _classifier(report),
        _calibration(report),
        _confusion(steps),
        pictures_table(pictures),
        _meanings(),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Scores on the {escape(report['split'])} split</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _introduction(report: Mapping[str, Any]) -> str:
    resampling = report["intervals"]
    images = max([0, *(scores["images"] for scores in _all_scored(report))])
    intervals = (
        f"Below a score: {resampling['level']:.0%} intervals, percentiles of {resampling['resamples']} "
        f"bootstrap resamples of the {resampling['over']}."
        if resampling["resamples"]
        else "Without intervals: no resamples were asked for."
    )
    return (
        f"<h1>Scores on the {escape(report['split'])} split</h1>"
        f"<p>{images:,} images, classes: {escape(', '.join(report['classes']))}. {intervals}</p>"
    )


def _all_scored(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*report["steps"].values(), *([report["classifier"]] if "classifier" in report else [])]


def _scores(steps: Mapping[str, Any]) -> str:
    rows = [
        [name, *_cells(scores, _STEP_SCORES), _share(scores["unknown"])] for name, scores in steps.items()
    ]
    scores_table = table(
        "Each step against true masks", ["step", *_STEP_SCORES.values(), "pixels not told"], rows
    )
    absent = {name: scores["absent"] for name, scores in steps.items() if scores["absent"]}
    said = "".join(
        f"<p>{escape(name)}: left out of the mean IoU, since neither truth nor result has it: "
        f"{escape(', '.join(classes))}.</p>"
        for name, classes in absent.items()
    )
    return f"<section><h2>Masks</h2>{scores_table}{said}</section>"


def _of_classes(steps: Mapping[str, Any]) -> str:
    """A table for each step, closed until asked for; none where one class is all there is."""
    if all(len(scores["classes"]) == 1 for scores in steps.values()):
        return ""
    names = {name: title for name, title in _STEP_SCORES.items() if name != "mean_iou"}
    tables = []
    for step, scores in steps.items():
        rows = [
            [name, f"{of_class['positives']:,}", *_cells(of_class, names)]
            for name, of_class in scores["classes"].items()
        ]
        scores_table = table(f"{step}: each class", ["class", "images with it", *names.values()], rows)
        tables.append(f"<details><summary>{escape(step)}</summary>{scores_table}</details>")
    return f"<section><h2>Each class</h2>{''.join(tables)}</section>"


def _thresholds(steps: Mapping[str, Any]) -> str:
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
    return _STEP_SCORES.get(score, score)


def _best(curve: Mapping[str, Any] | None, score: str) -> str:
    best = None if curve is None else curve["best"][score]
    return "–" if best is None else f"{best['threshold']:.3f} ({best['score']:.3f})"


def _classifier(report: Mapping[str, Any]) -> str:
    if "classifier" not in report:
        return ""
    scores = report["classifier"]
    rows = [
        [name, f"{of_class['positives']:,}", f"{of_class['negatives']:,}", *_cells(of_class, _LABEL_SCORES)]
        for name, of_class in scores["classes"].items()
    ]
    if len(rows) > 1:
        rows.append(["mean", "", "", *_cells(scores, _LABEL_SCORES)])
    headings = ["class", "images with it", "without", *_LABEL_SCORES.values()]
    scores_table = table("The classifier against image labels, at probability .5", headings, rows)
    matrices = table(
        "Images by what is so and what is said",
        ["class", "with, said so", "with, missed", "without, said to have it", "without, said so"],
        [
            [name, f"{hits:,}", f"{misses:,}", f"{false_alarms:,}", f"{rejections:,}"]
            for name, of_class in scores["classes"].items()
            for (rejections, false_alarms), (misses, hits) in [of_class["confusion"]]
        ],
    )
    return f"<section><h2>Classifier</h2>{scores_table}{matrices}</section>"


def _calibration(report: Mapping[str, Any]) -> str:
    models = {
        name: scores["calibration"]
        for name, scores in [*report["steps"].items(), ("classifier", report.get("classifier", {}))]
        if "calibration" in scores
    }
    if not models:
        return ""
    rows = [
        [f"{model}, {name}", _figure_of(of_class["expected_error"])]
        for model, calibration in models.items()
        for name, of_class in calibration["classes"].items()
    ]
    scores_table = table("Expected calibration error", ["model and class", "error"], rows)
    charts = []
    for model, calibration in models.items():
        for name, of_class in list(calibration["classes"].items())[:_MOST_RELIABILITY]:
            title = f"{model}, {name}"
            svg = reliability_chart(
                of_class["probability"], of_class["share"], of_class["cases"], title=f"Reliability: {title}"
            )
            charts.append(
                figure(svg, f"{title}: on the diagonal, what is predicted comes true as often. Bars: cases.")
            )
    return f'<section><h2>Calibration</h2>{scores_table}<div class="charts">{"".join(charts)}</div></section>'


def _confusion(steps: Mapping[str, Any]) -> str:
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


def _meanings() -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _MEANINGS.items())
    return f"<section><h2>What the scores are</h2><dl>{items}</dl></section>"


def _cells(scores: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    bounds = scores.get("intervals", {})
    return [_with_interval(scores[name], bounds.get(name)) for name in names]


def _with_interval(value: float | None, bounds: Sequence[float] | None) -> str:
    if value is None or bounds is None:
        return _figure_of(value)
    return f"{value:.3f}\n{bounds[0]:.3f}–{bounds[1]:.3f}"


def _figure_of(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
