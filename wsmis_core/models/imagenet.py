"""torchvision's ImageNet weights."""

from torch import Tensor

from wsmis_core.errors import WeightsError

# The first published ones: those that IRNet and WSMIS started from.
RECIPE = "IMAGENET1K_V1"
_LAYERS_OF_CLASSES = ("fc.", "classifier.")


def imagenet_state(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a network without its layers for the thousand classes.

    They come from torch's cache or the net. Raises WeightsError where they can be had from neither.
    """
    import torchvision  # takes seconds, which a small trunk need not wait for

    try:
        weights = torchvision.models.get_model_weights(name)[RECIPE]
    except (ValueError, KeyError) as error:
        raise WeightsError(
            f"torchvision has no ImageNet weights for {name}.",
            remedy="Set it to none, or to {file: PATH, part: trunk}.",
        ) from error
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"The ImageNet weights of {name} could not be fetched from {weights.url}: {error}.",
            remedy="Fetch that file on another machine, put it under a data root and set weights to "
            "{file: PATH, part: trunk}; or connect this machine; or set weights to none.",
        ) from error
    return {key: value for key, value in state.items() if not key.startswith(_LAYERS_OF_CLASSES)}
