"""Changes of brightness and colour. Images are (H, W, c) uint8, c = 1 where grey and 3 where RGB."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

__all__ = [
    "add_noise",
    "brightness_contrast",
    "clahe",
    "gamma",
    "hue_saturation",
    "median",
    "rgb_shift",
    "sharpen",
]

Pixels = npt.NDArray[np.uint8]
LEVELS = np.arange(256, dtype=np.float32)


def brightness_contrast(image: Pixels, *, brightness: float, contrast: float) -> Pixels:
    """``contrast`` * value + 255 * ``brightness``."""
    return _as_pixels(LEVELS * np.float32(contrast) + np.float32(255 * brightness))[image]


def gamma(image: Pixels, *, exponent: float) -> Pixels:
    """The value, as a share of 255, to the power of ``exponent``."""
    return _as_pixels(np.float32(255) * (LEVELS / np.float32(255)) ** np.float32(exponent))[image]


def add_noise(image: Pixels, *, rng: np.random.Generator, sigma: float) -> Pixels:
    """Normal noise of ``sigma`` grey levels, a value of its own for each band."""
    return _as_pixels(image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32))


def sharpen(image: Pixels, *, amount: float) -> Pixels:
    """The image plus ``amount`` times what a Gaussian of 2 pixels takes from it."""
    blurred = _filtered(image, ImageFilter.GaussianBlur(2)).astype(np.float32)
    return _as_pixels(image + np.float32(amount) * (image - blurred))


def median(image: Pixels, *, side: int) -> Pixels:
    """The median of a square of ``side`` pixels, an odd number."""
    return _filtered(image, ImageFilter.MedianFilter(side))


def clahe(image: Pixels, *, clip: float, tiles: int = 8) -> Pixels:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994).

    The image is cut into ``tiles`` x ``tiles``; each one's histogram, no bin above ``clip`` times the mean
    bin, gives a curve, and a pixel takes the bilinear mean of the four nearest tiles' curves. Of a colour
    image its luma alone.
    """
    if image.shape[2] == 3:
        bands = np.array(Image.fromarray(image).convert("YCbCr"))
        bands[..., :1] = clahe(bands[..., :1], clip=clip, tiles=tiles)
        return np.asarray(Image.fromarray(bands, "YCbCr").convert("RGB"))
    grey = image[..., 0]
    rows, row_weight = _tile_places(grey.shape[0], tiles)
    columns, column_weight = _tile_places(grey.shape[1], tiles)
    curves = _tile_curves(grey, clip, tiles)  # (tiles, tiles, 256)
    mixed: npt.NDArray[np.float32] = np.zeros(grey.shape, dtype=np.float32)
    for lower in (0, 1):
        for right in (0, 1):
            row = np.clip(rows + lower, 0, tiles - 1)[:, None]
            column = np.clip(columns + right, 0, tiles - 1)[None]
            weight_y = row_weight if lower else 1 - row_weight
            weight_x = column_weight if right else 1 - column_weight
            mixed = mixed + weight_y[:, None] * weight_x[None] * curves[row, column, grey]
    return _as_pixels(mixed)[..., None]


def rgb_shift(image: Pixels, *, shift: tuple[float, float, float]) -> Pixels:
    """The three bands moved by ``shift`` (3,) levels; a grey image stays as it is."""
    return (
        image
        if image.shape[2] == 1
        else _as_pixels(image.astype(np.float32) + np.array(shift, dtype=np.float32))
    )


def hue_saturation(image: Pixels, *, hue: float, saturation: float, value: float) -> Pixels:
    """Hue turned by ``hue`` of a full turn, saturation and value moved by shares; grey stays as it is."""
    if image.shape[2] == 1:
        return image
    bands = np.array(Image.fromarray(image).convert("HSV")).astype(np.float32)
    bands[..., 0] = (bands[..., 0] + 256 * hue) % 256
    bands[..., 1:] += 255 * np.array([saturation, value], dtype=np.float32)
    return np.asarray(Image.fromarray(_as_pixels(bands), "HSV").convert("RGB"))


def _tile_places(length: int, tiles: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For each pixel along a side the tile centred before it (-1 for none), and its way to the next."""
    place = (np.arange(length, dtype=np.float32) + 0.5) * tiles / length - 0.5
    before = np.floor(place)
    return before.astype(np.intp), (place - before).astype(np.float32)


def _tile_curves(grey: Pixels, clip: float, tiles: int) -> npt.NDArray[np.float32]:
    """The grey curve (256 values in 0..255) of each tile: (tiles, tiles, 256)."""
    tile_row, tile_column = (np.arange(length) * tiles // length for length in grey.shape)
    key = (tile_row[:, None] * tiles + tile_column[None]) * 256 + grey
    counts = np.bincount(key.ravel(), minlength=tiles * tiles * 256).reshape(tiles, tiles, 256)
    shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    limited = np.minimum(shares, clip / 256)
    limited += (shares - limited).sum(axis=-1, keepdims=True) / 256
    curves: npt.NDArray[np.float32] = (255 * limited.cumsum(axis=-1)).astype(np.float32)
    return curves


def _filtered(image: Pixels, kernel: ImageFilter.Filter) -> Pixels:
    flat = image[..., 0] if image.shape[2] == 1 else image
    return np.asarray(Image.fromarray(flat).filter(kernel)).reshape(image.shape)


def _as_pixels(values: npt.NDArray[np.float32]) -> Pixels:
    pixels: Pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return pixels
