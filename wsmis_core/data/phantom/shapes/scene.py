"""One picture: objects of chosen kinds before a textured ground with distractors, and their true mask."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from wsmis_core.data.phantom.canvas import Canvas, Mask, Plane, Point
from wsmis_core.data.phantom.shapes.objects import KINDS, areas, head, outline

VOID = 255
SECOND_RATE = 0.15  # kinds of which there are two objects
LEAST_VISIBLE = 0.6  # of each object, and
LEAST_HEAD = 0.75  # of its head, behind the others and within the picture
DIFFICULT_BELOW = 0.75  # visible share
PLACES_TRIED = 60
HUE_SPREAD = 0.08  # of a kind's objects, in turns of the colour circle; those of two kinds are 0.2 apart
MARKING_PIXELS = 6.5  # period of a marking on a picture of 128 pixels
BORDER_PIXELS = 1.0  # of void on both sides of an outline, on a picture of 128 pixels

Picture = npt.NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class SeenObject:
    """An object of a picture: its kind and the box (left, top, right, bottom) of what is seen, in pixels."""

    kind: str
    box: tuple[int, int, int, int]
    difficult: bool


@dataclass(frozen=True)
class Scene:
    """A picture (H, W, 3), 8-bit, its mask (H, W) of class numbers with 255 for void, and its objects."""

    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    objects: tuple[SeenObject, ...]


@dataclass(frozen=True)
class _Placed:
    """An object with its own canvas, and what it covers and is marked on, (H, W) in [0, 1]."""

    kind: str
    canvas: Canvas
    body: Plane
    head: Plane


def draw_scene(rng: np.random.Generator, *, size: int, kinds: Sequence[str]) -> Scene:
    """Draw objects of each of ``kinds``, some of them twice, the later ones before the earlier.

    Ground, distractors, colours, sizes and places are drawn from the same distributions whatever the kinds.
    """
    image = _ground(rng, size)
    _add_distractors(image, rng)
    wanted = [kind for kind in kinds for _ in range(2 if rng.uniform() < SECOND_RATE else 1)]
    placed = _place(rng, size, [wanted[index] for index in rng.permutation(len(wanted))])
    for one in placed:
        _paint(image, one, rng)
    image += rng.uniform(0.01, 0.03) * rng.standard_normal(image.shape).astype(np.float32)
    mask, objects = _seen(placed, size)
    return Scene(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8), mask, objects)


def _ground(rng: np.random.Generator, size: int) -> Picture:
    """Two pale colours mixed by noise of several grains."""
    canvas = Canvas.posed(size)
    first, second = (np.array(_colour(rng, saturation=(0.0, 0.35)), dtype=np.float32) for _ in range(2))
    mixture = np.clip(0.5 + 0.35 * canvas.noise(rng, 4) + 0.15 * canvas.noise(rng, 14), 0, 1)[..., None]
    grain = rng.uniform(0.02, 0.06) * canvas.noise(rng, size // 3)[..., None]
    ground: Picture = (mixture * first + (1 - mixture) * second + grain).astype(np.float32)
    return ground


def _add_distractors(image: Picture, rng: np.random.Generator) -> None:
    """Plain blots and rods in the objects' colours, on ``image`` in place."""
    size = len(image)
    for _ in range(int(rng.integers(2, 6))):
        colour = _colour(rng, saturation=(0.3, 0.9))
        canvas = Canvas.posed(
            size, rotation=rng.uniform(0, 2 * np.pi), scale=rng.uniform(0.06, 0.15), shift=_point(rng, 0.95)
        )
        if rng.uniform() < 0.5:
            cover = canvas.coverage(np.hypot(canvas.x, canvas.y * np.float32(rng.uniform(0.7, 1.4))) - 1)
        else:
            length = rng.uniform(2.0, 4.5)
            cover = canvas.strokes([([(-length, 0.0), (length, 0.0)], rng.uniform(0.3, 0.6))])
        _cover(image, cover, colour)


def _place(rng: np.random.Generator, size: int, kinds: Sequence[str]) -> list[_Placed]:
    """Objects that leave enough of each other to be seen; one that finds no place is left out.

    The first one always finds a place, so that a kind is never missing of a picture of one kind.
    """
    placed: list[_Placed] = []
    for kind in kinds:
        for attempt in range(PLACES_TRIED):
            one = _candidate(rng, size, kind, shrink=1 - 0.5 * attempt / PLACES_TRIED)
            if _all_visible([*placed, one]):
                placed.append(one)
                break
    return placed


def _candidate(rng: np.random.Generator, size: int, kind: str, *, shrink: float) -> _Placed:
    scale = shrink * rng.uniform(0.26, 0.48)
    canvas = Canvas.posed(
        size, rotation=rng.uniform(0, 2 * np.pi), scale=scale, shift=_point(rng, 1 - 0.7 * scale)
    )
    body = canvas.coverage(outline(canvas, KINDS[kind]))
    return _Placed(kind, canvas, body, head(canvas) * body)


def _all_visible(placed: Sequence[_Placed]) -> bool:
    free = np.ones_like(placed[0].body)
    for one in reversed(placed):
        if _visible(one.body * free, one, part=0) < LEAST_VISIBLE:
            return False
        if _visible(one.head * free, one, part=1) < LEAST_HEAD:
            return False
        free = free * (1 - one.body)
    return True


def _visible(seen: Plane, one: _Placed, *, part: int) -> float:
    """The share of a whole object (part 0) or its head (1) that is ``seen``."""
    return float(seen.sum()) * one.canvas.pixel**2 / areas(one.kind)[part]


def _paint(image: Picture, one: _Placed, rng: np.random.Generator) -> None:
    """The body in one colour, lighter towards one side, and the marking on it, in place."""
    canvas, size = one.canvas, len(image)
    hue = KINDS[one.kind].hue + rng.uniform(-HUE_SPREAD, HUE_SPREAD)
    colour = np.array(_colour(rng, saturation=(0.4, 0.9), hue=hue), dtype=np.float32)
    light = 1 + rng.uniform(0.05, 0.2) * canvas.y + 0.04 * canvas.noise(rng, 10)
    period = MARKING_PIXELS * size / 128 * canvas.pixel * rng.uniform(0.9, 1.15)
    marking = KINDS[one.kind].marking(canvas.x, canvas.y, period) * one.head
    dark = rng.uniform(0.25, 0.5) if colour.max() > 0.55 else 1.8
    shade = light * (1 - marking * (1 - np.float32(dark)))
    image += one.body[..., None] * (shade[..., None] * colour - image)


def _seen(placed: Sequence[_Placed], size: int) -> tuple[npt.NDArray[np.uint8], tuple[SeenObject, ...]]:
    """The mask of all objects, void along every outline, and what is seen of each."""
    numbers = np.zeros((size, size), dtype=np.uint8)  # of the objects, from 1
    for number, one in enumerate(placed, start=1):
        numbers[one.body >= 0.5] = number
    names = list(KINDS)
    classes = np.array([0, *(1 + names.index(one.kind) for one in placed)], dtype=np.uint8)
    mask = classes[numbers]
    reach = max(1, round(BORDER_PIXELS * size / 128))
    border = ndimage.maximum_filter(numbers, 2 * reach + 1) != ndimage.minimum_filter(numbers, 2 * reach + 1)
    mask[border] = VOID
    return mask, tuple(_seen_object(one, numbers == number) for number, one in enumerate(placed, start=1))


def _seen_object(one: _Placed, seen: Mask) -> SeenObject:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))
    return SeenObject(one.kind, box, _visible(seen.astype(np.float32), one, part=0) < DIFFICULT_BELOW)


def _cover(image: Picture, cover: Plane, colour: Colour) -> None:
    image += cover[..., None] * (np.array(colour, dtype=np.float32) - image)


def _colour(rng: np.random.Generator, *, saturation: tuple[float, float], hue: float | None = None) -> Colour:
    """A colour of a hue, any where none is given, in [0, 1] each."""
    return colorsys.hsv_to_rgb(
        rng.uniform() if hue is None else hue % 1, rng.uniform(*saturation), rng.uniform(0.4, 0.95)
    )


def _point(rng: np.random.Generator, reach: float) -> Point:
    return rng.uniform(-reach, reach), rng.uniform(-reach, reach)
