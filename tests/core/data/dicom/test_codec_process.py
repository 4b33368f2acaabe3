"""Codecs that die or never end take nothing with them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import JPEGLSLossless

from wsmis_core.data.dicom import codec_process
from wsmis_core.data.dicom.codec_process import decoded_apart
from wsmis_core.errors import DataError

Encode = Callable[..., bytes]
VALUES = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48)
FACTS = {"codec": "jpeg_ls"}


@pytest.fixture
def stream(encoded: Encode) -> bytes:
    dataset = dcmread(io.BytesIO(encoded(VALUES, 12, JPEGLSLossless)))
    return next(generate_frames(dataset.PixelData, number_of_frames=1))


def test_a_process_serves_many_frames(stream: bytes) -> None:
    before = decoded_apart(stream, FACTS)
    assert before[1] == {"precision": 12, "by_plane": True, "size": VALUES.nbytes}
    processes = list(codec_process._CODECS._idle)
    assert decoded_apart(stream, FACTS) == before
    assert list(codec_process._CODECS._idle) == processes


def test_many_threads_at_once(stream: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: decoded_apart(stream, FACTS)[0], range(40)))
    assert all((np.frombuffer(pixels, "<u2").reshape(VALUES.shape) == VALUES).all() for pixels in made)
    assert len(codec_process._CODECS._idle) <= 5


def test_what_a_codec_refuses_is_told(stream: bytes) -> None:
    with pytest.raises(DataError, match="Invalid JPEG-LS stream"):
        decoded_apart(b"none" + stream, FACTS)
    assert decoded_apart(stream, FACTS)


def test_a_codec_that_dies_is_told_and_another_takes_its_place(stream: bytes) -> None:
    decoded_apart(stream, FACTS)
    processes = list(codec_process._CODECS._idle)
    for process in processes:
        os.kill(process._process.pid, signal.SIGKILL)
    for _ in processes:
        with pytest.raises(DataError, match=r"the codec dies of it \(exit status -9\)"):
            decoded_apart(stream, FACTS)
    assert decoded_apart(stream, FACTS)


def test_a_codec_that_never_ends_is_stopped(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded_apart(stream, FACTS)
    processes = list(codec_process._CODECS._idle)
    for process in processes:
        os.kill(process._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(codec_process, "LONGEST", 0.1)
    for _ in processes:
        with pytest.raises(DataError, match=r"the codec takes longer than 0\.1 seconds"):
            decoded_apart(stream, FACTS)
    monkeypatch.undo()
    assert decoded_apart(stream, FACTS)


def test_a_fork_has_codecs_of_its_own() -> None:
    """In a fresh interpreter, which has one thread."""
    program = """
import os
from wsmis_core.data.dicom import codec_process
codec_process._CODECS.put_back(codec_process._CODECS.taken())
(parents,) = codec_process._CODECS._idle
child = os.fork()
if child == 0:
    mine = codec_process._CODECS.taken()
    same = mine is parents
    mine.close()
    os._exit(int(same))
assert os.waitpid(child, 0)[1] == 0
assert codec_process._CODECS.taken() is parents
parents.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_processes_end_with_the_one_that_started_them() -> None:
    program = """
from wsmis_core.data.dicom import codec_process
process = codec_process._CODECS.taken()
codec_process._CODECS.put_back(process)
print(process._process.pid)
"""
    run = [sys.executable, "-W", "error", "-c", program]
    pid = int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
