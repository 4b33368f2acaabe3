from __future__ import annotations

import io

import numpy as np
from PIL import Image

from wsmis_core.export import contact_sheet

RED = np.zeros((10, 20, 3), dtype=np.uint8)
RED[..., 0] = 255
GREY = np.full((64, 64), 77, dtype=np.uint8)


def _page(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_pictures_lie_in_their_cells() -> None:
    page = _page(contact_sheet([[(RED, "wide"), (GREY, "grey")], [(GREY, "alone")]], cell=40))
    # Gaps of 8, caption lines of 22: cells begin at x = 8 and 56, pictures at y = 8 + 22 and 78 + 22.
    assert page.shape == (8 + 2 * 70, 8 + 2 * 48, 3)
    assert page[50, 28].tolist() == [255, 0, 0]
    assert page[35, 28].tolist() == page[0, 0].tolist()  # above the wide picture, 20 pixels high
    assert page[50, 76].tolist() == [77, 77, 77]
    assert page[120, 28].tolist() == [77, 77, 77]
    assert page[120, 76].tolist() == page[0, 0].tolist()


def test_captions_are_drawn_and_cut_to_their_cell() -> None:
    plain = _page(contact_sheet([[(GREY, ""), (GREY, "")]], cell=40))
    long = _page(contact_sheet([[(GREY, "a caption that is far too long"), (GREY, "")]], cell=40))
    changed = np.argwhere((plain != long).any(axis=-1))
    assert len(changed)
    assert changed[:, 0].max() < 30
    assert changed[:, 1].max() < 48


def test_a_title_and_no_rows() -> None:
    assert _page(contact_sheet([], title="nothing to show")).ndim == 3
