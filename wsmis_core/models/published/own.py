"""The names of the models here, as artifacts hold them in `model.safetensors`."""

from wsmis_core.models.published.names import NameMap

__all__ = ["OWN"]

OWN = NameMap(
    "a file of this product",
    {
        name: name
        for name in (
            *("trunk.", "neck.", "head."),
            *("boundary.", "displacement.", "mean_shift"),
            *("encoder.", "decoder."),
        )
    },
)
