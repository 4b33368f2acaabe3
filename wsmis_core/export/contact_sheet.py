"""Many small pictures with captions on one page."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Captioned", "contact_sheet"]

Captioned = tuple[npt.NDArray[np.uint8], str]

_BACKGROUND = (24, 24, 27)
_TEXT = (228, 228, 231)
_GAP = 8
_FONT_SIZE = 15
_LINE = 22


def contact_sheet(rows: Sequence[Sequence[Captioned]], *, title: str = "", cell: int = 224) -> bytes:
    """A PNG of rows of pictures, each (H, W, 3) or (H, W) with its caption above it.

    A picture is scaled to fit ``cell`` x ``cell`` pixels, its aspect kept; a caption that is too long for its
    cell is cut. Rows may differ in length.
    """
    columns = max((len(row) for row in rows), default=0)
    top = _LINE + _GAP if title else 0
    step_x, step_y = cell + _GAP, cell + _LINE + _GAP
    sheet = Image.new("RGB", (_GAP + max(columns, 1) * step_x, _GAP + top + len(rows) * step_y), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    if title:
        pen.text((_GAP, _GAP), _cut(title, font, sheet.width - 2 * _GAP), fill=_TEXT, font=font)
    for row_number, row in enumerate(rows):
        for column, (pixels, caption) in enumerate(row):
            x, y = _GAP + column * step_x, _GAP + top + row_number * step_y
            pen.text((x, y), _cut(caption, font, cell), fill=_TEXT, font=font)
            picture = _fitted(pixels, cell)
            sheet.paste(picture, (x + (cell - picture.width) // 2, y + _LINE + (cell - picture.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _fitted(pixels: npt.NDArray[np.uint8], cell: int) -> Image.Image:
    picture = Image.fromarray(pixels).convert("RGB")
    scale = cell / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC)


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
