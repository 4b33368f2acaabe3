"""A set of shapes on disk in the layout of PASCAL VOC's devkit."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from wsmis_core.data.phantom.pool import each
from wsmis_core.data.phantom.shapes.objects import KINDS
from wsmis_core.data.phantom.shapes.scene import Scene, draw_scene

JPEG_QUALITY = 92
TEST_SHARE = 0.3  # of the pictures, in val.txt, which tests as VOC's does
KINDS_SHARES = {0: 0.15, 1: 0.35, 2: 0.35, 3: 0.15}  # of pictures, by the number of their kinds


@dataclass(frozen=True)
class _Planned:
    number: int
    kinds: tuple[str, ...]


def write_voc(
    root: Path,
    *,
    images: int,
    seed: int,
    size: int = 128,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a set of `images` pictures of `size` pixels a side in VOC's layout; returns their number.

    The same arguments write the same bytes. Every kind is in as many pictures as the others, alone as well
    as with each of the others, but for the few that find no place; some pictures have none. `train.txt`
    holds 70 %, `val.txt` the rest. `progress` is called with the pictures drawn and their number.
    """
    planned = _plan(images, seed=seed)
    for folder in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for name in each(partial(_write_picture, root, seed=seed, size=size), planned, processes=processes):
        names.append(name)
        if progress is not None:
            progress(len(names), len(planned))
    order = np.random.default_rng([seed, 1]).permutation(len(names))
    tested = {names[index] for index in order[: round(TEST_SHARE * len(names))]}
    for file, chosen in (
        ("train", [name for name in names if name not in tested]),
        ("val", sorted(tested)),
    ):
        (root / f"ImageSets/Segmentation/{file}.txt").write_text("".join(f"{name}\n" for name in chosen))
    return len(names)


def _plan(images: int, *, seed: int) -> list[_Planned]:
    """What each picture shows: every combination of kinds as often as the others of its number."""
    rng = np.random.default_rng([seed, 0])
    numbers = {count: round(share * images) for count, share in KINDS_SHARES.items() if count}
    numbers[0] = images - sum(numbers.values())
    shown: list[tuple[str, ...]] = []
    for count, wanted in numbers.items():
        together = list(combinations(KINDS, count))
        start = int(rng.integers(len(together)))
        shown += [together[(start + index) % len(together)] for index in range(wanted)]
    return [
        _Planned(number, shown[index]) for number, index in enumerate(rng.permutation(len(shown)).tolist())
    ]


def _write_picture(root: Path, planned: _Planned, *, seed: int, size: int) -> str:
    """Write one picture, its mask and its annotation; returns its name."""
    name = f"{seed:04}_{planned.number:06}"
    scene = draw_scene(np.random.default_rng([seed, 2, planned.number]), size=size, kinds=planned.kinds)
    Image.fromarray(scene.image).save(root / f"JPEGImages/{name}.jpg", quality=JPEG_QUALITY)
    mask = Image.frombytes("P", (size, size), scene.mask.tobytes())
    mask.putpalette(_palette().tobytes())
    mask.save(root / f"SegmentationClass/{name}.png")
    (root / f"Annotations/{name}.xml").write_bytes(_annotation(name, scene))
    return name


def _palette() -> npt.NDArray[np.uint8]:
    """VOC's colours, (256, 3): bit b of channel c is bit 3 b' + c of the number, b' = 7 - b."""
    numbers = np.arange(256)[:, None]
    channels = np.arange(3)
    colours = sum(((numbers >> (3 * bit + channels)) & 1) << (7 - bit) for bit in range(8))
    return np.asarray(colours, dtype=np.uint8)


def _annotation(name: str, scene: Scene) -> bytes:
    height, width = scene.mask.shape
    root = ET.Element("annotation")
    for tag, text in (("folder", "VOC2012"), ("filename", f"{name}.jpg"), ("segmented", "1")):
        ET.SubElement(root, tag).text = text
    dimensions = ET.SubElement(root, "size")
    for tag, number in (("width", width), ("height", height), ("depth", 3)):
        ET.SubElement(dimensions, tag).text = str(number)
    for one in scene.objects:
        entry = ET.SubElement(root, "object")
        ET.SubElement(entry, "name").text = one.kind
        ET.SubElement(entry, "difficult").text = str(int(one.difficult))
        box = ET.SubElement(entry, "bndbox")
        for tag, place in zip(("xmin", "ymin", "xmax", "ymax"), one.box, strict=True):
            ET.SubElement(box, tag).text = str(place + 1)  # VOC counts pixels from 1
    ET.indent(root)
    buffer = io.BytesIO()
    ET.ElementTree(root).write(buffer)
    return buffer.getvalue() + b"\n"
