"""Segmenters of segmentation-models-pytorch, DeepLab as published, and a U-Net for small images.

Axes: B batch, C output channels, H x W pixels.
"""

from collections.abc import Callable
from typing import Any

import segmentation_models_pytorch as smp
import torch.nn.functional as F
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from wsmis_core.errors import WeightsError
from wsmis_core.models.deeplab import (
    OUTPUT_STRIDE,
    DeepLabDecoder,
    DeepLabEncoder,
    DeepLabV3Decoder,
    DeepLabV3PlusDecoder,
    deeplab_head,
)
from wsmis_core.models.imagenet import imagenet_state
from wsmis_core.models.published.parts import TRUNK_OF_ENCODER, TRUNK_PARTS
from wsmis_core.models.trunks import TRUNKS, Trunk
from wsmis_core.spec.encoders import SMALL_ENCODER, SegmenterArch

# The small U-Net decodes up to half the image's resolution; its logits are interpolated from there.
SMALL_DECODER_CHANNELS = (32, 24)
SMALL_OUTPUT_STRIDE = 2
# Images are padded to a multiple of this, which the stride of every encoder of the library divides.
PADDED_MULTIPLE = 32
# Layers of an encoder behind its last features, which the library leaves there (EfficientNets').
IDLE_LAYERS = ("_conv_head", "_bn1", "conv_head", "bn2")


class Segmenter(nn.Module):
    """An encoder, a decoder and a head that gives logits at the images' own size."""

    def __init__(
        self, *, encoder: nn.Module, decoder: nn.Module, head: nn.Module, multiple: int = PADDED_MULTIPLE
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head
        self.multiple = multiple

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) of images (B, 3, H, W) of any size: sides are padded and cut again."""
        height, width = images.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = F.pad(images, padding, mode="replicate")
        logits: Tensor = self.head(self.decoder(self.encoder(padded)))
        return logits[..., :height, :width]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The encoder's parameters as `trunk`, all others as `head`."""
        return {
            "trunk": list(self.encoder.parameters()),
            "head": [*self.decoder.parameters(), *self.head.parameters()],
        }


class TrunkEncoder(nn.Module):
    """A trunk as a U-Net's encoder: the image, then the deepest stage of every stride, finest first."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        strides = trunk.shape.strides
        self.taps = [index for index, stride in enumerate(strides) if stride not in strides[index + 1 :]]
        self.out_channels = (3, *(trunk.shape.channels[index] for index in self.taps))

    def forward(self, images: Tensor) -> list[Tensor]:
        stages = self.trunk.stages(images)
        return [images, *(stages[index] for index in self.taps)]


def make_segmenter(
    arch: SegmenterArch, *, encoder: str, classes: int, weights: str = "none", trunk: Trunk | None = None
) -> Segmenter:
    """A segmenter of `SEGMENTERS` with `classes` output channels.

    Args:
        encoder: one that `encoder_problem` has nothing against.
        weights: `none`, or `imagenet` for torchvision's, where torchvision has the encoder.
        trunk: a classifier's trunk of the same architecture as the encoder, to start from its weights.

    Raises WeightsError where the weights cannot be had, or the trunk is another architecture's.
    """
    if encoder == SMALL_ENCODER:
        return _small_unet(trunk or TRUNKS[SMALL_ENCODER](weights), classes)
    model = SEGMENTERS[arch](encoder, classes)
    if trunk is not None:
        _load_encoder(
            model.encoder, _encoder_state(trunk, encoder), source="The classifier's trunk", name=encoder
        )
    elif weights == "imagenet":
        _load_encoder(model.encoder, imagenet_state(encoder), source=f"torchvision's {encoder}", name=encoder)
    return model


def _of_library(make: Callable[..., Any]) -> Callable[[str, int], Segmenter]:
    def made(encoder: str, classes: int) -> Segmenter:
        model = make(encoder_name=encoder, encoder_weights=None, classes=classes)
        for name in IDLE_LAYERS:
            # Ranks wait for the gradients of all parameters that are trained, and these get none.
            getattr(model.encoder, name, nn.Identity()).requires_grad_(False)
        return Segmenter(encoder=model.encoder, decoder=model.decoder, head=model.segmentation_head)

    return made


def _published(make_decoder: Callable[[], DeepLabDecoder]) -> Callable[[str, int], Segmenter]:
    def made(encoder: str, classes: int) -> Segmenter:
        decoder = make_decoder()
        head = deeplab_head(decoder, classes=classes)
        return Segmenter(encoder=DeepLabEncoder(encoder), decoder=decoder, head=head, multiple=OUTPUT_STRIDE)

    return made


def _small_unet(trunk: Trunk, classes: int) -> Segmenter:
    encoder = TrunkEncoder(trunk)
    decoder = UnetDecoder(
        encoder_channels=encoder.out_channels,
        decoder_channels=SMALL_DECODER_CHANNELS,
        n_blocks=len(SMALL_DECODER_CHANNELS),
    )
    head = SegmentationHead(SMALL_DECODER_CHANNELS[-1], classes, upsampling=SMALL_OUTPUT_STRIDE)
    return Segmenter(encoder=encoder, decoder=decoder, head=head)


def _encoder_state(trunk: Trunk, encoder: str) -> dict[str, Tensor]:
    """A trunk's weights under torchvision's names, which the encoders of the same network have."""
    parts = TRUNK_PARTS.get(TRUNK_OF_ENCODER.get(encoder, encoder), {})
    return {
        f"{part}.{name.removeprefix(prefix)}": tensor
        for part, (prefix,) in parts.items()
        for name, tensor in trunk.state_dict().items()
        if name.startswith(prefix)
    }


def _load_encoder(encoder: nn.Module, state: dict[str, Tensor], *, source: str, name: str) -> None:
    try:
        nn.Module.load_state_dict(encoder, state)
    except RuntimeError as error:
        raise WeightsError(
            f"{source} does not fit the encoder {name}.",
            field="params.encoder",
            remedy="Take the encoder of the classifier's arch, or start it from no weights.",
        ) from error


# Makers by name, of an encoder's name and the number of output channels.
SEGMENTERS: dict[SegmenterArch, Callable[[str, int], Segmenter]] = {
    "unet": _of_library(smp.Unet),
    "unetplusplus": _of_library(smp.UnetPlusPlus),
    "fpn": _of_library(smp.FPN),
    "deeplabv3": _of_library(smp.DeepLabV3),
    "deeplabv3plus": _of_library(smp.DeepLabV3Plus),
    "deeplabv3_published": _published(DeepLabV3Decoder),
    "deeplabv3plus_published": _published(DeepLabV3PlusDecoder),
}
