"""Decodes compressed frames for another process, which lives on when a codec does not.

Started as a script. A request on standard input and its answer on standard output are each a length of 4
bytes, a JSON object of that length, and as many bytes as its `size` says.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

LENGTH = 4  # bytes


def main() -> None:
    """Answer requests until there are no more."""
    requests = sys.stdin.buffer
    # What a codec prints must not come between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        while (request := received(requests)) is not None:
            facts, data = request
            try:
                pixels, said = CODECS[facts["codec"]](data, facts)
            except Exception as error:
                send(answers, {"error": f"{type(error).__name__}: {error}"}, b"")
            else:
                send(answers, said, pixels)


def received(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None at the end of the stream, also where it ends inside of one."""
    length = int.from_bytes(stream.read(LENGTH))
    facts = stream.read(length)
    if not facts or len(facts) < length:
        return None
    said: dict[str, Any] = json.loads(facts)
    data = stream.read(said["size"])
    return (said, data) if len(data) == said["size"] else None


def send(stream: IO[bytes], facts: Mapping[str, Any], data: bytes | bytearray) -> None:
    """Write one message."""
    said = json.dumps({**facts, "size": len(data)}).encode()
    stream.write(len(said).to_bytes(LENGTH) + said)
    stream.write(data)
    stream.flush()


def _gdcm(data: bytes, facts: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    photometric = gdcm.PhotometricInterpretation.GetPIType(facts["photometric_interpretation"])
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((facts["columns"], facts["rows"], 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    if facts["samples"] > 1:
        image.SetPlanarConfiguration(facts["planar_configuration"])
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(facts["transfer_syntax"])))
    stored, signed = facts["bits_stored"], facts["pixel_representation"]
    image.SetPixelFormat(
        gdcm.PixelFormat(facts["samples"], facts["bits_allocated"], stored, stored - 1, signed)
    )
    # GDCM hands out its buffer of bytes as text.
    return image.GetBuffer().encode("utf-8", "surrogateescape"), {}


def _jpeg_ls(data: bytes, facts: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    import jpeg_ls

    del facts
    pixels, said = jpeg_ls.decode_pixel_data(data)
    return bytes(pixels), {"precision": said["bits_per_sample"], "by_plane": said["interleave_mode"] == 0}


def _openjpeg(data: bytes, facts: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    from openjpeg.utils import decode_pixel_data, get_parameters

    del facts
    return bytes(decode_pixel_data(data, version=2)), {"precision": get_parameters(data)["precision"]}


CODECS: Mapping[str, Callable[[bytes, Mapping[str, Any]], tuple[bytes, dict[str, Any]]]] = {
    "gdcm": _gdcm,
    "jpeg_ls": _jpeg_ls,
    "openjpeg": _openjpeg,
}

if __name__ == "__main__":
    main()
