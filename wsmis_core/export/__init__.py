"""Results as files for people and other programs: masks, overlays, sheets and pages, run lengths."""

from __future__ import annotations

from wsmis_core.export.coco import CocoImage, CocoRle, box_of, decode_coco_rle, encode_coco_rle, write_coco
from wsmis_core.export.colours import class_colour
from wsmis_core.export.contact_sheet import Captioned, contact_sheet
from wsmis_core.export.masks import read_mask_png, write_mask, write_numbers
from wsmis_core.export.overlays import overlay
from wsmis_core.export.report_page import report_page
from wsmis_core.export.rle_csv import write_rle_csv

__all__ = [
    "Captioned",
    "CocoImage",
    "CocoRle",
    "box_of",
    "class_colour",
    "contact_sheet",
    "decode_coco_rle",
    "encode_coco_rle",
    "overlay",
    "read_mask_png",
    "report_page",
    "write_coco",
    "write_mask",
    "write_numbers",
    "write_rle_csv",
]
