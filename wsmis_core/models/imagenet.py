"""torchvision's ImageNet weights."""

from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import torch
from torch import Tensor

from wsmis_core.errors import WeightsError
from wsmis_core.files import sha256_of
from wsmis_core.models.state_dicts import read_state

# The first published ones: those that IRNet and WSMIS started from.
RECIPE = "IMAGENET1K_V1"
LAYERS_OF_CLASSES = ("fc.", "classifier.")
_FIELD = "params.weights"


def imagenet_state(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a network without its layers for the thousand classes.

    They come from torch's cache or the net. Raises WeightsError where they can be had from neither, or
    the file in the cache is not the published one.
    """
    import torchvision  # takes seconds, which a small trunk need not wait for

    try:
        weights = torchvision.models.get_model_weights(name)[RECIPE]
    except (ValueError, KeyError) as error:
        raise WeightsError(
            f"torchvision has no ImageNet weights for {name}.",
            field=_FIELD,
            remedy="Set it to none, or to {file: PATH, part: trunk}.",
        ) from error
    state = read_state(_cached(name, weights.url), field=_FIELD)
    return {key: value for key, value in state.items() if not key.startswith(LAYERS_OF_CLASSES)}


def _cached(name: str, url: str) -> Path:
    """The file behind ``url`` in torch's cache, fetched where it is not there; of the hash in its name."""
    file = Path(urlsplit(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    prefix = path.stem.rpartition("-")[2]  # of the SHA-256, as torch.hub names its files
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), prefix, progress=False)
        found = sha256_of(path)
    except (OSError, RuntimeError, HTTPException) as error:
        raise WeightsError(
            f"The ImageNet weights of {name} could not be fetched from {url}: {error}.",
            field=_FIELD,
            remedy="Fetch that file on another machine, put it under a data root and set weights to "
            "{file: PATH, part: trunk}; or connect this machine; or set weights to none.",
        ) from error
    if not found.startswith(prefix):
        raise WeightsError(
            f"{path} is not the file of {name} at {url}: its SHA-256 is {found}, not {prefix}....",
            field=_FIELD,
            remedy="Delete it, so that it is fetched anew; or set weights to {file: PATH, part: trunk}.",
        )
    return path
