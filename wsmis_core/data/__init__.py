"""One index over many layouts, and everything from its files to arrays that a model takes."""

from __future__ import annotations

from wsmis_core.data.rle import decode_siim_rle, encode_siim_rle

__all__ = ["decode_siim_rle", "encode_siim_rle"]
