"""Where the service is and with which key: the option, the environment, the embedded service's home."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["KEY_FILE", "URL_FILE", "home_folder", "seen_path", "service_key", "service_url"]

URL_FILE = "url"
KEY_FILE = "api-key"
DEFAULT_URL = "http://127.0.0.1:8080"


def home_folder() -> Path:
    """`$WSMIS_HOME`, or `~/.wsmis`."""
    return Path(os.environ.get("WSMIS_HOME") or "~/.wsmis").expanduser()


def service_url(given: str | None = None) -> str:
    """The address as given, else from WSMIS_URL, else as the embedded service left it in its home."""
    return (given or os.environ.get("WSMIS_URL") or _line(URL_FILE) or DEFAULT_URL).rstrip("/")


def service_key() -> str | None:
    """The API key from WSMIS_API_KEY, else from the home; None where there is neither."""
    return os.environ.get("WSMIS_API_KEY") or _line(KEY_FILE)


def seen_path(path: Path) -> str:
    """How the service sees ``path``: one of this machine whole, another one as it was given.

    Links stay: the service compares with its data roots as they are configured.
    """
    return os.path.normpath(path.absolute()) if path.exists() else str(path)


def _line(name: str) -> str | None:
    try:
        return (home_folder() / name).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
