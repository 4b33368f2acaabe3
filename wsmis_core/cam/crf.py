"""The fully connected CRF on an image, of the optional extra `crf`; on one core.

Axes: K labels, H x W pixels.
Source: Krähenbühl & Koltun, NIPS 2011, arXiv 1210.5644; the inference is that of PyPI's pydensecrf2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsmis_core.errors import ResourceError

__all__ = ["dense_crf", "require_crf", "trusted"]

_LEAST_PROBABILITY = 1e-5  # whose logarithm is still finite


def dense_crf(
    image: NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    *,
    iterations: int,
    gaussian_sxy: float,
    gaussian_compat: float,
    bilateral_sxy: float,
    bilateral_srgb: float,
    bilateral_compat: float,
) -> NDArray[np.float32]:
    """Mean-field marginals of a Potts model whose unary energy is ``-log(probabilities)``.

    Two kernels make pixels agree: a Gaussian of their distance, with standard deviation
    ``gaussian_sxy``, and one of their distance and colours, ``bilateral_sxy`` and
    ``bilateral_srgb``; the ``compat``s are their weights.

    Args:
        image: (H, W, 3).
        probabilities: (K, H, W), K of 2 at least, which add up to 1 over K.

    Returns:
        (K, H, W), which add up to 1 over K.

    Raises ResourceError where the extra `crf` is not installed.
    """
    count, height, width = probabilities.shape
    assert image.shape == (height, width, 3), "image and probabilities are of one size"
    field = _densecrf().DenseCRF2D(width, height, count)
    energy = -np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    field.setUnaryEnergy(np.ascontiguousarray(energy.reshape(count, -1), dtype=np.float32))
    field.addPairwiseGaussian(sxy=gaussian_sxy, compat=gaussian_compat)
    field.addPairwiseBilateral(
        sxy=bilateral_sxy, srgb=bilateral_srgb, rgbim=np.ascontiguousarray(image), compat=bilateral_compat
    )
    marginals = np.asarray(field.inference(iterations), dtype=np.float32)
    return marginals.reshape(count, height, width)


def trusted(probabilities: NDArray[np.float32], *, gt_prob: float) -> NDArray[np.float32]:
    """What is known of labels (K, H, W) whose source is right with probability ``gt_prob``.

    ``p -> gt_prob p + (1 - gt_prob) (1 - p) / (K - 1)``: a label that was certain keeps ``gt_prob``,
    and the others share the rest evenly.
    """
    others = len(probabilities) - 1
    assert others > 0, "two labels at least"
    return gt_prob * probabilities + (1 - gt_prob) / others * (1 - probabilities)


def require_crf() -> None:
    """Raise ResourceError where the extra `crf` is not installed."""
    _densecrf()


def _densecrf() -> Any:
    """The library's module, which is not everywhere."""
    try:
        from pydensecrf import densecrf
    except ImportError as error:
        raise ResourceError(
            f"The fully connected CRF is not installed on this host: {error}.",
            remedy="pip install 'wsmis[crf]' there (it needs a C++ compiler), or refine by pamr.",
        ) from error
    return densecrf
