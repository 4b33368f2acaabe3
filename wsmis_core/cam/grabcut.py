"""GrabCut of one map: a binary mask from its percentiles and the image.

Axes: H x W pixels.
Source: Rother, Kolmogorov & Blake, SIGGRAPH 2004; the percentiles are those of WSMIS, arXiv 2007.00748.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["grab_cut"]

_MODEL_SIZE = 65  # numbers in OpenCV's colour model: five Gaussians of a weight, a mean and a covariance


def grab_cut(
    image: NDArray[np.uint8],
    soft_map: NDArray[np.float32],
    *,
    percentiles: tuple[float, float, float] = (15.0, 70.0, 99.5),
    iterations: int = 5,
) -> NDArray[np.bool_]:
    """The foreground that GrabCut finds from a first guess by percentiles of the map.

    Up to the first percentile a pixel is background, up to the second probably background, up to the
    third probably foreground, above it foreground. The lowest pixel always is background; where
    nothing is foreground (a map without contrast), there are no colours to learn, and nothing is found.

    Args:
        image: (H, W, 3).
        soft_map: (H, W), finite.
    """
    assert image.shape == (*soft_map.shape, 3), "image and map are of one size"
    background, probable, foreground = np.percentile(soft_map, percentiles)
    guess = np.full(soft_map.shape, cv2.GC_FGD, dtype=np.uint8)
    guess[soft_map <= foreground] = cv2.GC_PR_FGD
    guess[soft_map <= probable] = cv2.GC_PR_BGD
    guess[soft_map <= background] = cv2.GC_BGD
    first = _is_foreground(guess)
    if not first.any():
        return first
    cv2.setRNGSeed(0)  # the colour models start from random clusters
    behind, before = np.zeros((1, _MODEL_SIZE)), np.zeros((1, _MODEL_SIZE))
    pixels = np.ascontiguousarray(image)
    cv2.grabCut(pixels, guess, (0, 0, 0, 0), behind, before, iterations, cv2.GC_INIT_WITH_MASK)
    return _is_foreground(guess)


def _is_foreground(guess: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD))
