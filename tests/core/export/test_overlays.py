from __future__ import annotations

import numpy as np

from wsmis_core.export import class_colour, overlay

GREY = np.full((20, 30), 100, dtype=np.uint8)


def test_classes_are_filled_and_outlined() -> None:
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[5:15, 5:15] = 1
    shown = overlay(GREY, mask, opacity=0.5)
    assert shown.shape == (20, 30, 3)
    assert shown[0, 0].tolist() == [100, 100, 100]
    assert tuple(shown[5, 5].tolist()) == class_colour(1)
    red, green, blue = class_colour(1)
    assert shown[10, 10].tolist() == [round((100 + band) / 2) for band in (red, green, blue)]


def test_a_mask_at_the_border_has_no_contour_there() -> None:
    shown = overlay(GREY, np.ones((20, 30), dtype=np.bool_))
    assert (shown == shown[0, 0]).all()
    assert tuple(shown[0, 0].tolist()) != class_colour(1)


def test_a_map_is_brighter_where_higher_and_nothing_where_zero() -> None:
    heat = np.linspace(0, 1, 30, dtype=np.float32)[None].repeat(20, axis=0)
    shown = overlay(np.zeros((20, 30, 1), dtype=np.uint8), heat, opacity=1).astype(int)
    assert shown[10, 0].tolist() == [0, 0, 0]
    assert shown[10, 29].tolist() == [252, 255, 164]
    assert (np.diff(shown[10].sum(axis=-1)) >= 0).all()


def test_layers_of_another_size_and_a_larger_picture() -> None:
    rgb = np.stack([GREY] * 3, axis=-1)
    shown = overlay(rgb, np.array([[0, 1]], dtype=np.uint8), side=60)
    assert shown.shape == (40, 60, 3)
    assert shown[20, 10].tolist() == [100, 100, 100]
    assert shown[20, 50].tolist() != [100, 100, 100]


def test_the_truth_is_a_white_line() -> None:
    truth = np.zeros((20, 30), dtype=np.uint8)
    truth[5:15, 5:15] = 1
    shown = overlay(GREY, np.zeros((20, 30), dtype=np.uint8), truth=truth)
    assert shown[5, 5].tolist() == [255, 255, 255]
    assert shown[10, 10].tolist() == [100, 100, 100]
