"""Where the embedded API listens, and where its clients find it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from wsmis_core.errors import ServiceError

__all__ = ["Address", "free_address"]

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Address:
    """A host, as it is listened on, and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """For clients on this machine."""
        host = _EVERYWHERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def free_address(host: str, port: int) -> Address:
    """``host`` and ``port``, or a free port where it is 0; raises ServiceError if nobody can listen there."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            trial.listen()
            return Address(host, int(trial.getsockname()[1]))
    except OSError as error:
        raise ServiceError(
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            field="--port",
            remedy="Give another one; 0 takes a free one.",
        ) from None
