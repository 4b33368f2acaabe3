"""DICOM unique identifiers that a seed decides."""

from pydicom.uid import generate_uid


def uid(seed: int, kind: str, number: int) -> str:
    """The UID of the numbered study, series or instance of a phantom data set; the same every time."""
    return str(generate_uid(entropy_srcs=["wsmis phantom", str(seed), kind, str(number)]))
