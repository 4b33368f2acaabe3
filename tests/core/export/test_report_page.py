"""The report's page: nothing from elsewhere, every table and picture named, a size that can be sent."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsmis_core.export import Captioned, report_page

VOID = {"meta", "img", "rect", "circle", "polyline", "path"}


class Page(HTMLParser):
    """Elements of a page, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def scores(classes: list[str], **more: Any) -> dict[str, Any]:
    names = ["dice_positives", "dice_per_image", "dice_pooled", "iou", "precision", "recall"]
    entry: dict[str, Any] = dict.fromkeys(names, 0.25) | {"intervals": dict.fromkeys(names, (0.125, 0.5))}
    return {
        **entry,
        "mean_iou": 0.625,
        "images": 7,
        "positives": 3,
        "unknown": 0.1,
        "absent": classes[2:],
        "silent": classes[3:],
        "threshold": None,
        "confusion": {"classes": ["background", *classes], "matrix": np.eye(len(classes) + 1).tolist()},
        "classes": {name: entry | {"positives": 1} for name in classes},
        **more,
    }


CURVE = {
    "thresholds": [0.0, 0.5],
    "dice_positives": [0.5, None],
    "mean_iou": [0.5, 0.25],
    "best": {"dice_positives": {"threshold": 0.0, "score": 0.5}, "mean_iou": None},
}
CALIBRATION = {
    "expected_error": 0.1,
    "classes": {
        "air": {"expected_error": 0.1, "cases": [2, 0], "probability": [0.1, None], "share": [0.5, None]}
    },
}
CHOSEN = {
    "name": "chosen",
    "split": "val",
    "score": "iou",
    "value": 0.375,
    "reached": 0.875,
    "images": 5,
}
LABELS = {
    **dict.fromkeys(["auc", "f1", "f1_negative", "precision", "recall", "jaccard", "accuracy"], 0.75),
    "images": 9,
    "calibration": CALIBRATION,
}


def report(classes: list[str], steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "split": "test",
        "classes": classes,
        "images": 1234,
        "steps": steps,
        "intervals": {"level": 0.95, "resamples": 100, "over": "patients"},
    }


def pictures(rows: int, side: int = 40) -> list[list[Captioned]]:
    rng = np.random.default_rng(0)
    return [
        [(rng.integers(0, 255, (side, side, 3), dtype=np.uint8), name) for name in (f"sample {row}", "truth")]
        for row in range(rows)
    ]


def test_a_page_of_one_class() -> None:
    steps = {"cams": scores(["air"], curve=CURVE, threshold=CHOSEN, calibration=CALIBRATION)}
    classifier = LABELS | {
        "classes": {"air": {**LABELS, "positives": 4, "negatives": 5, "confusion": [[5, 0], [1, 3]]}}
    }
    text = report_page(report(["air"], steps) | {"classifier": classifier}, pictures(2))
    page = Page(text)
    assert page.open == []
    said = " ".join(page.text)
    for expected in ("0.250", "0.125–0.500", "0.375, chosen for IoU", "val split (5 images, reached 0.875)"):
        assert expected in said
    assert "10.0%" in said
    assert [row for row in page.all("th") if "scope" not in row] == []
    captions = [tag for tag, _ in page.elements if tag == "caption"]
    assert len(captions) == len(page.all("table"))
    assert all(image["alt"] for image in page.all("img"))
    assert all(chart["aria-label"] for chart in page.all("svg"))
    # Two curves, reliability of two models, one confusion matrix.
    assert len(page.all("svg")) == 5


def test_nothing_comes_from_elsewhere() -> None:
    text = report_page(report(["air"], {"cams": scores(["air"])}), pictures(1))
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "href"}
    ]
    assert len(links) == 2
    assert all(link and link.startswith("data:image/png;base64,") for link in links)
    assert "url(" not in text
    assert "@import" not in text
    with Image.open(io.BytesIO(base64.b64decode(str(links[0]).partition(",")[2]))) as picture:
        assert picture.size == (40, 40)


def test_boxes_without_masks() -> None:
    kinds = ("box_iou", "box_iobb", "false_iou", "false_iobb")
    names = [f"{kind}_{level}" for kind in kinds for level in (10, 30, 50)]
    boxes: dict[str, Any] = dict.fromkeys(names, 0.375)
    boxes |= {"pointing": None, "boxes": 17, "images": 5, "intervals": {"box_iou_10": (0.25, 0.5)}}
    steps = {"cams": {"threshold": None, "boxes": boxes | {"classes": {"air": boxes, "fluid": boxes}}}}
    page = Page(report_page(report(["air", "fluid"], steps), []))
    said = " ".join(page.text)
    assert "1,234 images" in said
    assert "0.250–0.500" in said
    assert "cams: boxes of each class" in said
    assert "Each step against the true masks" not in said


def test_several_classes_and_what_is_left_out() -> None:
    classes = ["<b>cat</b>", "dog", "cow", "<i>hen</i>"]
    page = Page(report_page(report(classes, {"segmenter": scores(classes)}), []))
    said = " ".join(page.text)
    assert "<b>cat</b>" in said
    assert "left out of the mean IoU, since neither truth nor result has it: cow, <i>hen</i>." in said
    assert "left out of the mean IoU, since the result says nothing where it is: <i>hen</i>." in said
    assert len(page.all("details")) == 1
    assert not page.all("b")


def test_pictures_stop_where_the_page_would_grow_too_large() -> None:
    text = report_page(report(["air"], {"cams": scores(["air"])}), pictures(90, side=150))
    page = Page(text)
    assert len(text) < 2_000_000
    shown = len(page.all("img")) // 2
    assert 10 < shown < 90
    assert f"{90 - shown} more rows are in overlays.png." in " ".join(page.text)


@pytest.mark.parametrize("count", [32, 40])
def test_a_matrix_of_many_classes_is_not_drawn(count: int) -> None:
    classes = [f"class {number}" for number in range(count - 1)]
    page = Page(report_page(report(classes, {"cams": scores(classes)}), []))
    assert len(page.all("svg")) == (1 if count == 32 else 0)
