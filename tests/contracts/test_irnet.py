"""IRNet whole: crops and rescaling, images of any shape, instances, no walk at all, two ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

from wsmis_core.data.tensors import to_tensor
from wsmis_core.export import box_of, decode_coco_rle, read_mask_png
from wsmis_core.irn import random_walk
from wsmis_core.models import IRNet
from wsmis_core.models.trunks import TRUNKS
from wsmis_core.rank import main
from wsmis_core.spec import RunSpec, read_manifest


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
        {"image_size": "native", "foreground_threshold": 0.8, "background_threshold": 0.4},
        {"cams": cams},
        dataset=dataset,
    )
    return {"dataset": dataset, "classifier": classifier, "cams": cams, "ir_labels": seeds}


CROPS = {
    "image_size": "native",
    "rescale": [0.5, 1.5],
    "crop_size": 64,
    "radius": 4,
    "batch_size": 4,
    "max_steps": 3,
}
INSTANCES = {
    "image_size": "native",
    "log2_steps": 3,
    "threshold": {"name": "fixed", "value": 0.25},
    "instances": {"steps": 20},
}


@pytest.fixture(scope="module")
def cropped_irnet(workshop: Any, pictures: dict[str, Any]) -> Path:
    """An IRNet trained on rescaled 64-pixel crops of the pictures at their own sizes."""
    inputs = {role: pictures[role] for role in ("ir_labels", "classifier")}
    artifact = workshop.run("cropped_irnet", "train_irnet", CROPS, inputs, dataset=pictures["dataset"])
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def instances(workshop: Any, pictures: dict[str, Any], cropped_irnet: Path) -> Path:
    """Pseudo-labels with instances, at the pictures' own sizes."""
    inputs = {"cams": pictures["cams"], "irnet": cropped_irnet}
    artifact = workshop.run("instances", "make_pseudo_labels", INSTANCES, inputs, dataset=pictures["dataset"])
    assert isinstance(artifact, Path)
    return artifact


def test_training_on_crops_of_images_of_any_shape(
    pictures: dict[str, Any], cropped_irnet: Path, picture_shapes: dict[str, tuple[int, int]]
) -> None:
    seeds = pictures["ir_labels"] / "ir_labels"
    assert read_mask_png(seeds / "p3.png").shape == picture_shapes["p3"]
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
    workshop: Any,
    pictures: dict[str, Any],
    cropped_irnet: Path,
    picture_shapes: dict[str, tuple[int, int]],
) -> None:
    """Some of the images are smaller than the window, some are seen through several."""
    params = {"image_size": "native", "log2_steps": 3, "refine": {"name": "pamr", "dilations": [1, 2]}}
    inputs = {"cams": pictures["cams"], "irnet": cropped_irnet}
    artifact = workshop.run("native", "make_pseudo_labels", params, inputs, dataset=pictures["dataset"])
    sizes = {
        path.stem: read_mask_png(path).shape for path in sorted((artifact / "pseudo_labels").glob("*.png"))
    }
    assert sizes == {name: shape for name, shape in picture_shapes.items() if name not in ("p0", "p4")}
    with np.load(artifact / "walked" / "p3.npz") as stored:
        assert stored["maps"].shape == (2, *picture_shapes["p3"])
        assert stored["maps"].max() == 1
    assert set(np.unique(read_mask_png(artifact / "pseudo_labels" / "p3.png")).tolist()) <= {0, 1, 2}


def test_the_walk_and_its_labels_as_published(
    workshop: Any, pictures: dict[str, Any], shapes_root: Path, cropped_irnet: Path
) -> None:
    """Padded to the crop, walked on the grid, upsampled, cut to the image, over the maximum, arg-max."""
    params = {"image_size": "native", "crop_size": 144, "log2_steps": 3}
    inputs = {"cams": pictures["cams"], "irnet": cropped_irnet}
    artifact = workshop.run("published", "make_pseudo_labels", params, inputs, dataset=pictures["dataset"])
    irnet = IRNet(TRUNKS["resnet_small"]("none")).eval()
    irnet.load_state_dict(load_file(cropped_irnet / "model.safetensors"))
    for name in ("p1", "p3"):
        with Image.open(shapes_root / f"{name}.png") as picture:
            image = to_tensor(np.array(picture)[None], scheme="imagenet")
        height, width = image.shape[2:]
        boundary, _ = irnet.infer(image, window=144)
        with np.load(pictures["cams"] / "cams" / f"{name}.npz") as stored:
            cams, ids = torch.tensor(stored["maps"].astype(np.float32)), [0, *stored["class_ids"].tolist()]
        start = F.interpolate(cams[None], size=boundary.shape[1:], mode="bilinear")[0]
        walked = random_walk(start, boundary[0], radius=5, beta=10, log2_steps=3)
        grown = F.interpolate(walked[None], scale_factor=irnet.grid_stride, mode="bilinear")[0]
        soft = grown[:, :height, :width] / grown[:, :height, :width].max()
        with np.load(artifact / "walked" / f"{name}.npz") as stored:
            np.testing.assert_allclose(stored["maps"].astype(np.float32), soft, atol=1e-3)
        over_background = F.pad(soft, (0, 0, 0, 0, 1, 0), value=0.25)
        found = read_mask_png(artifact / "pseudo_labels" / f"{name}.png")
        (best, second), (winner, _) = over_background.topk(2, dim=0)
        clear = (best - second > 1e-3).numpy()  # the maps are stored in half precision
        assert clear.mean() > 0.9
        np.testing.assert_array_equal(found[clear], np.array(ids)[winner][clear])


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


def test_instances_as_masks_and_as_coco(instances: Path, picture_shapes: dict[str, tuple[int, int]]) -> None:
    content = json.loads((instances / "instances.json").read_text())
    assert [image["id"] for image in content["images"]] == list(range(1, 9))
    assert content["categories"] == [{"id": 1, "name": "disc"}, {"id": 2, "name": "square"}]
    annotations = content["annotations"]
    assert [one["id"] for one in annotations] == list(range(1, len(annotations) + 1))
    manifest = read_manifest(instances)
    assert manifest.metrics["instances"] == sum(one["score"] > 0 for one in annotations) > 0
    assert {entry.path for entry in manifest.files} >= {"instances.json", "instances/p3.png"}
    for image in content["images"]:
        name = image["file_name"]
        number = int(name.removeprefix("p").removesuffix(".png"))
        shape = picture_shapes[f"p{number}"]
        assert (image["height"], image["width"]) == shape
        own = [one for one in annotations if one["image_id"] == image["id"]]
        if number % 4 == 0:  # neither a disc nor a square
            assert not own
            continue
        masks = [decode_coco_rle(one["segmentation"]) for one in own]
        drawn = np.zeros(shape, dtype=np.uint8)
        for place, (one, mask) in enumerate(zip(own, masks, strict=True), start=1):
            assert mask.shape == shape
            assert one["area"] == mask.sum()
            assert one["bbox"] == box_of(mask)
            assert one["category_id"] in {1: {1}, 2: {2}, 3: {1, 2}}[number % 4]
            assert one["score"] == 0 or one["area"] >= 0.01 * mask.size
            if one["score"] > 0:
                drawn[mask] = place
        np.testing.assert_array_equal(read_mask_png(instances / "instances" / name), drawn)


def test_instances_change_nothing_else(workshop: Any, pictures: dict[str, Any], instances: Path) -> None:
    params = INSTANCES | {"instances": None}
    inputs = {"cams": pictures["cams"], "irnet": workshop.folder / "cropped_irnet" / "output"}
    plain = workshop.run("plain", "make_pseudo_labels", params, inputs, dataset=pictures["dataset"])
    for folder in ("walked", "pseudo_labels"):
        for path in (plain / folder).iterdir():
            assert path.read_bytes() == (instances / folder / path.name).read_bytes()


def test_instances_are_taken_over_and_merged_again(instances: Path, tmp_path: Path) -> None:
    """A second attempt after one that lost a file makes that image again, and the same COCO file."""
    first = tmp_path / "first"
    (first / "output").mkdir(parents=True)
    for source in [instances, instances.parent / "parts" / "instances"]:
        target = first / source.relative_to(instances.parent)
        for path in source.glob("*/*"):
            (target / path.parent.name).mkdir(parents=True, exist_ok=True)
            (target / path.parent.name / path.name).hardlink_to(path)
    lost = first / "output" / "instances" / "p3.png"
    lost.unlink()
    spec = RunSpec.model_validate_json((instances.parent / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(
        spec.model_copy(update={"attempt": 2, "previous": (first,)}).model_dump_json()
    )
    assert main([str(tmp_path)]) == 0
    assert read_manifest(tmp_path / "output").digest == read_manifest(instances).digest
    for name, same in (("p3.png", False), ("p2.png", True)):
        path = tmp_path / "output" / "instances" / name
        assert path.samefile(instances / "instances" / name) is same


def test_no_instance_at_all_is_an_empty_list(
    workshop: Any, pictures: dict[str, Any], cropped_irnet: Path
) -> None:
    params = INSTANCES | {"instances": {"steps": 1, "threshold": {"name": "fixed", "value": 1.0}}}
    inputs = {"cams": pictures["cams"], "irnet": cropped_irnet}
    artifact = workshop.run("no_instances", "make_pseudo_labels", params, inputs, dataset=pictures["dataset"])
    assert json.loads((artifact / "instances.json").read_text())["annotations"] == []
    assert read_manifest(artifact).metrics["instances"] == 0
    assert not read_mask_png(artifact / "instances" / "p3.png").any()


def test_two_ranks_do_as_one(
    workshop: Any, pictures: dict[str, Any], cropped_irnet: Path, instances: Path
) -> None:
    """The same training and the same instances, up to the order in which numbers are added."""
    seeds = {role: pictures[role] for role in ("ir_labels", "classifier")}
    maps = {"cams": pictures["cams"], "irnet": cropped_irnet}
    by_two = {"dataset": pictures["dataset"], "ranks": 2}
    trained = workshop.run("trained_by_two", "train_irnet", CROPS, seeds, **by_two)
    labelled = workshop.run("labelled_by_two", "make_pseudo_labels", INSTANCES, maps, **by_two)

    alone, together = (load_file(folder / "model.safetensors") for folder in (cropped_irnet, trained))
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-3, atol=1e-5, msg=name)
    losses = [read_manifest(folder).metrics["train_loss"] for folder in (cropped_irnet, trained)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)

    one, two = (json.loads((folder / "instances.json").read_text()) for folder in (instances, labelled))
    assert two["images"] == one["images"]
    assert [(a["image_id"], a["category_id"]) for a in two["annotations"]] == [
        (a["image_id"], a["category_id"]) for a in one["annotations"]
    ]
    names = sorted(path.name for path in (instances / "instances").iterdir())
    assert sorted(path.name for path in (labelled / "instances").iterdir()) == names
    different = sum(
        (read_mask_png(instances / "instances" / name) != read_mask_png(labelled / "instances" / name)).sum()
        for name in names
    )
    assert different <= 5
