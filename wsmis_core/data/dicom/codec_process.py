"""Codecs in processes of their own: GDCM and CharLS end, or never end, on some damaged files.

Of files with random damage, 1 in 75 of JPEG lossless and 1 in 15 of JPEG baseline made GDCM abort its
process, and two of three JPEG-LS files that were cut off kept pyjpegls busy for more than ten seconds.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsmis_core.data.dicom import codec_program
from wsmis_core.errors import DataError

__all__ = ["decoded_apart"]

LONGEST = 30.0  # seconds for one frame; a sound one of 4000 x 4000 pixels takes one or two


def decoded_apart(data: bytes, facts: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """What the codec ``facts["codec"]`` makes of a frame: its pixels, and what it says of them.

    May be called from many threads at once; each has a process for as long. Raises DataError where the
    codec refuses the frame, dies of it, or takes longer than `LONGEST`.
    """
    process = _CODECS.taken()
    answer = process.answer(data, facts)
    if answer is None:
        raise DataError(process.ended())
    _CODECS.put_back(process)
    said, pixels = answer
    if "error" in said:
        raise DataError(str(said["error"]))
    return pixels, said


class _CodecProcess:
    """A running program of codecs."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._slow = False
        self._process = subprocess.Popen(
            # -P: the package's folder would hide modules of the standard library.
            [sys.executable, "-P", str(Path(codec_program.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def answer(self, data: bytes, facts: Mapping[str, Any]) -> tuple[dict[str, Any], bytes] | None:
        """None where the process has ended."""
        assert self._process.stdin is not None, "it was opened with pipes"
        assert self._process.stdout is not None, "it was opened with pipes"
        watch = threading.Timer(LONGEST, self._stop)
        watch.start()
        try:
            codec_program.send(self._process.stdin, facts, data)
            return codec_program.received(self._process.stdout)
        except BrokenPipeError:
            return None
        finally:
            watch.cancel()
            watch.join()

    def _stop(self) -> None:
        self._slow = True
        self._process.kill()

    def ended(self) -> str:
        """How the process came to its end, after it did."""
        self.close()
        if self._slow:
            return f"the codec takes longer than {LONGEST:g} seconds"
        return f"the codec dies of it (exit status {self._process.returncode})"

    def close(self) -> None:
        """Let the process end, and wait until it has."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was left to be written no longer matters
        self._process.wait()


class _Codecs:
    """Processes that wait for work. Those of the process that this one was forked from are left alone."""

    def __init__(self) -> None:
        self._idle: deque[_CodecProcess] = deque()  # its appends and pops need no lock
        self._others: list[_CodecProcess] = []
        self._owner: int | None = None

    def taken(self) -> _CodecProcess:
        while self._idle:
            try:
                process = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if process.owner == os.getpid():
                return process
            self._others.append(process)  # not let go of, which would wait for a child that is another's
        if self._owner != os.getpid():
            self._owner = os.getpid()
            atexit.register(self.close)
        return _CodecProcess()

    def put_back(self, process: _CodecProcess) -> None:
        self._idle.append(process)

    def close(self) -> None:
        """End the processes that wait."""
        for process in list(self._idle):
            if process.owner == os.getpid():
                process.close()
        self._idle.clear()


_CODECS = _Codecs()
