"""torchvision's ResNets and VGG16 as the stages of trunks.

torchvision is imported in the functions: it takes seconds, which a small trunk need not wait for.
"""

from collections.abc import Callable

from torch import nn

from wsmis_core.models.imagenet import imagenet_state

# Where the stages of VGG16-BN begin among torchvision's `features`: at the pooling before each block.
VGG_STARTS = (0, 6, 13, 23, 33)
VGG_END = 43  # the fifth pooling is left out


def resnet_stages(
    name: str,
    *,
    dilate: tuple[bool, bool, bool] = (False, False, False),
    last_stride: int | None = None,
    stages: int = 5,
) -> Callable[[str], list[nn.Module]]:
    """A maker of the stem and the layers of torchvision's ResNet ``name``.

    Args:
        dilate: whether layer2, layer3 and layer4 are dilated instead of strided; of bottlenecks only.
        last_stride: layer4's stride where it is not 2; without dilation, as in IRNet.
        stages: how many to keep.
    """

    def make(weights: str) -> list[nn.Module]:
        import torchvision

        # torchvision's basic blocks refuse dilation, even none of it by this name.
        dilation = {"replace_stride_with_dilation": list(dilate)} if any(dilate) else {}
        net = getattr(torchvision.models, name)(weights=None, **dilation)
        net.fc = nn.Identity()
        if last_stride is not None:
            first = net.layer4[0]
            first.conv2.stride = first.downsample[0].stride = (last_stride, last_stride)
        if weights == "imagenet":
            net.load_state_dict(imagenet_state(name))
        stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        return [stem, net.layer1, net.layer2, net.layer3, net.layer4][:stages]

    return make


def vgg16_stages(weights: str) -> list[nn.Module]:
    """The five blocks of VGG16-BN with output stride 8, each but the first begun by its pooling.

    The fourth pooling is 3x3 with stride 1, the three convolutions after it are dilated by 2; there is
    no fifth pooling and no fully connected layer.
    """
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["D"], batch_norm=True)[:VGG_END]
    for layer in features:
        if isinstance(layer, nn.Conv2d):  # as torchvision's VGG, whose other layers begin as they are
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    if weights == "imagenet":
        state = imagenet_state("vgg16_bn")
        features.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})
    layers = list(features)
    layers[VGG_STARTS[-1]] = nn.MaxPool2d(3, stride=1, padding=1)
    for layer in layers[VGG_STARTS[-1] :]:
        if isinstance(layer, nn.Conv2d):
            layer.dilation = layer.padding = (2, 2)
    ends = (*VGG_STARTS[1:], VGG_END)
    return [nn.Sequential(*layers[start:end]) for start, end in zip(VGG_STARTS, ends, strict=True)]
