"""The overlays on the report's page, as small pictures inside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from wsmis_core.export.contact_sheet import Captioned
from wsmis_core.export.overlays import Pixels

__all__ = ["pictures_table"]

_SIDE = 144
_COLOURS = 64


def pictures_table(pictures: Sequence[Sequence[Captioned]], *, room: int) -> str:
    """A table of rows of pictures, the first named by its sample; as many rows as fit into ``room`` bytes."""
    if not pictures:
        return ""
    columns = ["image", *(caption for _, caption in pictures[0][1:])]
    rows: list[str] = []
    left = room * 3 // 4  # base64 makes four bytes of three
    for row in pictures:
        sample = row[0][1]
        files = [_png(pixels) for pixels, _ in row]
        left -= sum(map(len, files))
        if left < 0:
            break
        cells = "".join(
            f'<td><img alt="{escape(f"{sample}: {name}", quote=True)}" '
            f'src="data:image/png;base64,{base64.b64encode(file).decode()}"></td>'
            for name, file in zip(columns, files, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(sample)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ["sample", *columns])
    missing = len(pictures) - len(rows)
    said = f"<p>{missing} more rows are in overlays.png.</p>" if missing else ""
    return (
        '<section><h2>Overlays</h2><div class="wide"><table class="pictures"><caption>Each step beside the '
        f"true mask</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{said}"
        "</section>"
    )


def _png(pixels: Pixels) -> bytes:
    """A small PNG of few colours."""
    picture = Image.fromarray(pixels).convert("RGB")
    picture.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    picture.quantize(_COLOURS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
