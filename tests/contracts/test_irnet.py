"""IRNet whole: crops and rescaling, images of any shape, with and without the walk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from wsmis_core.export import read_mask_png
from wsmis_core.spec import read_manifest

SHAPES = ((50, 83), (97, 61), (64, 64), (33, 140), (71, 45), (90, 90))  # height, width


@pytest.fixture(scope="module")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour pictures of odd sizes with discs, squares, both or nothing, and their labels."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(5)
    rows = ["file,disc,square,split"]
    for number in range(8):
        height, width = SHAPES[number % len(SHAPES)]
        noise = rng.integers(40, 90, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise)
        pen = ImageDraw.Draw(picture)
        disc, square = number % 2, number // 2 % 2
        side = min(height, width) // 3
        if disc:
            pen.ellipse((2, 2, 2 + side, 2 + side), fill=(220, 60, 60))
        if square:
            left, top = width - side - 3, height - side - 3
            pen.rectangle((left, top, left + side, top + side), fill=(60, 200, 90))
        picture.save(root / f"p{number}.png")
        rows.append(f"p{number}.png,{disc},{square},{'train' if number < 6 else 'val'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def pictures(workshop: Any, shapes_root: Path) -> dict[str, Any]:
    """The steps before IRNet on these pictures: artifacts by role, and the data set."""
    dataset = {"format": "csv", "root": str(shapes_root), "options": {"split_column": "split"}}
    small = {"arch": "resnet_small", "image_size": 64, "augmentation": "none", "dropblock": None}
    classifier = workshop.run(
        "shapes_classifier", "train_classifier", small | {"batch_size": 4, "max_steps": 2}, dataset=dataset
    )
    cams = workshop.run(
        "shapes_cams",
        "extract_cams",
        {"image_size": 64, "scales": [1.0]},
        {"classifier": classifier},
        dataset=dataset,
    )
    seeds = workshop.run(
        "shapes_ir_labels",
        "make_ir_labels",
        {"image_size": 64, "foreground_threshold": 0.8, "background_threshold": 0.4},
        {"cams": cams},
        dataset=dataset,
    )
    return {"dataset": dataset, "classifier": classifier, "cams": cams, "ir_labels": seeds}


@pytest.fixture(scope="module")
def cropped_irnet(workshop: Any, pictures: dict[str, Any]) -> Path:
    """An IRNet trained on rescaled 64-pixel crops of the pictures at their own sizes."""
    params = {
        "image_size": "native",
        "rescale": [0.5, 1.5],
        "crop_size": 64,
        "radius": 4,
        "batch_size": 4,
        "max_steps": 2,
    }
    inputs = {role: pictures[role] for role in ("ir_labels", "classifier")}
    artifact = workshop.run("cropped_irnet", "train_irnet", params, inputs, dataset=pictures["dataset"])
    assert isinstance(artifact, Path)
    return artifact


def test_training_on_crops_of_images_of_any_shape(cropped_irnet: Path) -> None:
    manifest = read_manifest(cropped_irnet)
    assert manifest.details["crop_size"] == 64
    assert np.isfinite(manifest.metrics["train_loss"])
    assert load_file(cropped_irnet / "model.safetensors")["mean_shift"].abs().sum() > 0


def test_a_grid_too_small_for_the_radius_is_told(workshop: Any, pictures: dict[str, Any]) -> None:
    params = {"image_size": "native", "crop_size": 32, "radius": 10, "max_steps": 1}
    inputs = {role: pictures[role] for role in ("ir_labels", "classifier")}
    told = workshop.failure("wide", "train_irnet", params, inputs, dataset=pictures["dataset"])
    assert (told["reason"], told["field"]) == ("invalid_spec", "params.radius")
    assert "the grid has 16 cells a side" in told["message"]
    assert told["remedy"].startswith("Set it to 8 or less")


def test_labels_of_images_at_their_own_sizes(
    workshop: Any, pictures: dict[str, Any], cropped_irnet: Path
) -> None:
    """Some of the images are smaller than the window, some are seen through several."""
    params = {"image_size": "native", "log2_steps": 3, "refine": {"name": "pamr", "dilations": [1, 2]}}
    inputs = {"cams": pictures["cams"], "irnet": cropped_irnet}
    artifact = workshop.run("native", "make_pseudo_labels", params, inputs, dataset=pictures["dataset"])
    sizes = {
        path.stem: read_mask_png(path).shape for path in sorted((artifact / "pseudo_labels").glob("*.png"))
    }
    own = {f"p{number}": SHAPES[number % len(SHAPES)] for number in range(8) if number % 4}
    assert sizes == own
    with np.load(artifact / "walked" / "p3.npz") as stored:
        assert stored["maps"].shape == (2, *SHAPES[3])
        assert stored["maps"].max() == 1
    assert set(np.unique(read_mask_png(artifact / "pseudo_labels" / "p3.png")).tolist()) <= {0, 1, 2}


def test_labels_without_irnet_are_the_maps_own(workshop: Any, tiny_cams: Path, tiny_irnet: Path) -> None:
    params = {"image_size": 64, "threshold": {"name": "fixed", "value": 0.25}}
    still = workshop.run("no_irnet", "make_pseudo_labels", params, {"cams": tiny_cams})
    names = sorted(path.name for path in (tiny_cams / "cams").iterdir())
    assert names
    assert sorted(path.name for path in (still / "walked").iterdir()) == names
    with np.load(tiny_cams / "cams" / names[0]) as before, np.load(still / "walked" / names[0]) as after:
        grown = np.asarray(
            Image.fromarray(before["maps"][0].astype(np.float32)).resize((64, 64), Image.Resampling.BILINEAR)
        )
        np.testing.assert_allclose(after["maps"][0], grown / grown.max(), atol=2e-3)
    walked = workshop.run(
        "with_irnet", "make_pseudo_labels", params, {"cams": tiny_cams, "irnet": tiny_irnet}
    )
    with np.load(still / "walked" / names[0]) as one, np.load(walked / "walked" / names[0]) as other:
        assert not np.allclose(one["maps"], other["maps"], atol=0.01)
