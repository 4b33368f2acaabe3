"""The embedded service: API, worker, reconciler and Redis as children of one command."""

from services.client.embedded.up import up

__all__ = ["up"]
