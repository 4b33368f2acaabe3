"""DICOM files as 8-bit pictures: what a viewer shows when the file is opened.

Stored values pass the modality LUT or rescale, then the VOI LUT or window, and MONOCHROME1 is
turned round. Source: DICOM PS3.3, C.7.6.3 (pixels), C.11.1 (modality), C.11.2 (VOI).
"""

from __future__ import annotations

from wsmis_core.data.dicom.brightness import stretched
from wsmis_core.data.dicom.reading import decode_dicom, is_dicom

__all__ = ["decode_dicom", "is_dicom", "stretched"]
