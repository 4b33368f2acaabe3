"""Random changes of a training image and its mask. Needs scipy; imports no torch."""

from __future__ import annotations

from wsmis_core.data.augmentation.framing import Frame, framed, random_frame, rescaled
from wsmis_core.data.augmentation.scopes import augment

__all__ = ["Frame", "augment", "framed", "random_frame", "rescaled"]
