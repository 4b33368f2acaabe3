"""The Python client of the service, and the `wsmis` command over it."""

from services.client.errors import NoServiceError, RefusedError
from services.client.http import Client, Poll
from services.client.place import home_folder, service_key, service_url

__all__ = ["Client", "NoServiceError", "Poll", "RefusedError", "home_folder", "service_key", "service_url"]
