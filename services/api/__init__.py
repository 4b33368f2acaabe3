"""The HTTP API."""

from services.api.app import make_app

__all__ = ["make_app"]
