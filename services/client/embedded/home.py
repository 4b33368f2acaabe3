"""The embedded service's folder, which one `wsmis up` at a time may use."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.client.place import URL_FILE
from wsmis_core.errors import ServiceError

__all__ = ["claimed_home"]

LOCK_FILE = "up.lock"


@contextmanager
def claimed_home(home: Path) -> Iterator[Path]:
    """``home``, absolute, made for its owner alone, and locked until the end of the context.

    Raises ServiceError while another `wsmis up` has it; the kernel gives the lock back when
    that one ends, however it does.
    """
    path = home.expanduser().absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(path, os.read(descriptor, 32).decode()) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield path
    finally:
        os.close(descriptor)


def _taken(home: Path, pid: str) -> ServiceError:
    url_file = home / URL_FILE
    url = f" at {url_file.read_text().strip()}" if url_file.exists() else ""
    return ServiceError(
        f"a service already runs on {home}{url} (process {pid.strip() or 'unknown'}).",
        field="--home",
        remedy="Use that one, stop it first, or give another folder.",
    )
