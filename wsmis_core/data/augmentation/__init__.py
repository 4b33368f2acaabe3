"""Random changes of a training image and its mask. Needs scipy; imports no torch."""

from __future__ import annotations

from wsmis_core.data.augmentation.scopes import augment

__all__ = ["augment"]
