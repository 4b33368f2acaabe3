"""`python -m services.api --host H --port P`."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from services.api.app import make_app
from services.jobs import Settings, configure_log
from wsmis_core.errors import WsmisError

WRONG_USE = 2
GRACE_SECONDS = 5  # for open event streams at a shutdown


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit status is 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="python -m services.api")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    asked = parser.parse_args(arguments)
    try:
        app = make_app(Settings.from_environment())
    except WsmisError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    configure_log()
    uvicorn.run(
        app,
        host=asked.host,
        port=asked.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
