"""Work that goes on while a test's call waits for it."""

from __future__ import annotations

import time
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

PAUSE = 0.05  # seconds between two looks into the database


@contextmanager
def beside(work: Callable[..., bool], *given: Any, **named: Any) -> Iterator[None]:
    """``work`` in another thread, again until it returns true; if it fails, so does what waits for it."""

    def run() -> None:
        try:
            while not work(*given, **named):
                time.sleep(PAUSE)
        except BaseException:
            interrupt_main()
            raise

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(run)
        try:
            yield
        finally:
            working.result()
