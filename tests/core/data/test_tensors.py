from __future__ import annotations

import numpy as np
import pytest
import torch

from wsmis_core.data.tensors import to_tensor


def test_imagenet_by_hand() -> None:
    rgb = np.array([[[[255, 0, 51]]]], dtype=np.uint8)  # (1, 1, 1, 3)
    wanted = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    tensor = to_tensor(rgb, scheme="imagenet")
    assert tensor.shape == (1, 3, 1, 1)
    assert tensor.dtype == torch.float32
    assert tensor.flatten().tolist() == pytest.approx(wanted, rel=1e-6)


def test_grey_is_repeated() -> None:
    grey = np.array([[[[0], [255]]]], dtype=np.uint8)  # (1, 1, 2, 1)
    tensor = to_tensor(grey, scheme="pneumothorax")
    assert tensor.shape == (1, 3, 1, 2)
    for channel in tensor[0, :, 0]:
        assert channel.tolist() == pytest.approx([-0.49 / 0.23, 0.51 / 0.23], rel=1e-6)


def test_axes_and_read_only_arrays() -> None:
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    images.flags.writeable = False
    tensor = to_tensor(images, scheme="pneumothorax")
    assert tensor.shape == (2, 3, 4, 5)
    assert tensor[1, 2, 3, 4].item() == pytest.approx((119 / 255 - 0.49) / 0.23, rel=1e-6)


def test_per_image_takes_each_images_own_mean_and_deviation() -> None:
    images = np.array([[[[0], [255]]], [[[100], [100]]]], dtype=np.uint8)  # (2, 1, 2, 1)
    tensor = to_tensor(images, scheme="per_image")
    deviation = 0.5**0.5 + 1e-3  # of the sample 0, 1
    expected = torch.tensor([-0.5 / deviation, 0.5 / deviation]).expand(3, 1, 2)
    torch.testing.assert_close(tensor[0], expected)
    torch.testing.assert_close(tensor[1], torch.zeros(3, 1, 2))
