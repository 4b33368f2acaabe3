"""Chest-like phantoms with two findings and their true masks, drawn and written as real data sets."""

from wsmis_core.data.phantom.drawing import PhantomImage, draw
from wsmis_core.data.phantom.findings import FINDINGS
from wsmis_core.data.phantom.patient import Patient, make_patient
from wsmis_core.data.phantom.siim import write_siim

__all__ = ["FINDINGS", "Patient", "PhantomImage", "draw", "make_patient", "write_siim"]
