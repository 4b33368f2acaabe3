"""`wsmis datasets add` with a format's options, as far as what a worker finds in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from services.client.command import app
from services.worker.registration import register
from services.worker.settings import WorkerSettings

OPTIONS = (
    "classes=[disc, star]",
    "masks=[SegmentationObjects]",
    "train_list=mine",
    "test_list=null",
    "val_share=0.25",
    "difficult=false",
)


def _wsmis(*words: str, status: int = 0) -> Any:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def _with_options(*options: str) -> list[str]:
    return [word for option in options for word in ("--option", option)]


@pytest.fixture
def devkit(real: Any) -> Path:
    """Eight pictures with discs or stars in VOC's layout; every star is difficult."""
    root = Path(real.data) / "VOCdevkit"
    for folder in ("JPEGImages", "Annotations", "SegmentationObjects", "ImageSets/Segmentation"):
        (root / "VOC2012" / folder).mkdir(parents=True)
    for number in range(8):
        name, star = str(number), number % 2
        pixels = np.full((6, 6, 3), 30 * number, np.uint8)
        Image.fromarray(pixels).save(root / f"VOC2012/JPEGImages/{name}.jpg")
        Image.fromarray(np.full((6, 6), 1 + star, np.uint8)).save(
            root / f"VOC2012/SegmentationObjects/{name}.png"
        )
        (root / f"VOC2012/Annotations/{name}.xml").write_text(
            f"<annotation><object><name>{'star' if star else 'disc'}</name><difficult>{star}</difficult>"
            "</object></annotation>"
        )
    (root / "VOC2012/ImageSets/Segmentation/mine.txt").write_text("\n".join(map(str, range(9))))
    return root


def test_options_of_every_kind_reach_the_scan(real: Any, devkit: Path) -> None:
    """Lists, nothing, numbers and flags, as the command line gives them."""
    words = ("datasets", "add", "shapes", str(devkit), "--format", "voc2012")
    told = json.loads(_wsmis(*words, *_with_options(*OPTIONS), "--json").stdout)
    assert told["options"]["classes"] == ["disc", "star"]
    assert told["options"]["test_list"] is None
    settings = WorkerSettings.model_validate(real.settings.model_dump())
    register(real.database, settings, told["id"], draining=lambda: False)
    found = json.loads(_wsmis("datasets", "show", "shapes", "--json").stdout)
    assert (found["status"], found["classes"]) == ("ready", ["disc", "star"])
    assert found["labels"] == {"disc": 4, "star": 0}
    assert {name: split["images"] for name, split in found["splits"].items()} == {
        "train": 6,
        "val": 2,
        "test": 0,
    }
    problems = [problem["message"] for problem in found["problems"]]
    assert "line 9: there is no image 8 in JPEGImages." in problems
    assert sum("star: the mask shows it, and the label is 0" in problem for problem in problems) == 4


def test_options_that_do_not_fit_are_refused_at_once(real: Any) -> None:
    words = ("datasets", "add", "wrong", str(real.data), "--format", "voc2012", "--json")
    options = _with_options("classes=[disc, disc]", "size=3")
    told = json.loads(_wsmis(*words, *options, status=2).stderr)
    assert [problem["field"] for problem in told["problems"]] == ["options.classes", "options.size"]
    told = json.loads(_wsmis(*words, *_with_options("val_list=val"), status=2).stderr)
    (problem,) = told["problems"]
    assert problem["field"] == "options"
    assert "the list 'val' is named 2 times" in problem["message"]
    told = json.loads(_wsmis(*words[:5], "voc2013", "--json", status=2).stderr)
    assert "Did you mean voc2012?" in told["problems"][0]["remedy"]
