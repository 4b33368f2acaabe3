"""Every classifier: shapes, strides, parameter groups, DropBlock, and CAMs that add up to the logit."""

import pytest
import torch
from torch import nn

from wsmis_core.errors import WeightsError
from wsmis_core.models import CLASSIFIERS, TRUNKS, Classifier, make_classifier
from wsmis_core.spec.archs import ENCODER_OF, IRNET_TRUNKS, WITHOUT_DROPBLOCK

SIZE = 64


@pytest.fixture(params=sorted(CLASSIFIERS), scope="module")
def classifier(request: pytest.FixtureRequest) -> Classifier:
    torch.manual_seed(0)
    return make_classifier(request.param, classes=2, drop_prob=0.5, block_size=3).eval()


def test_stages_have_the_announced_channels_and_strides(classifier: Classifier) -> None:
    shape = classifier.trunk.shape
    with torch.no_grad():
        stages = classifier.stages(torch.randn(1, 3, SIZE, SIZE + 8))
    for stage, channels, stride in zip(stages, shape.channels, shape.strides, strict=True):
        assert stage.shape == (1, channels, -(-SIZE // stride), -(-(SIZE + 8) // stride))


def test_logits_are_the_mean_of_the_weighted_features(classifier: Classifier) -> None:
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        features = classifier.features(images)
        maps = torch.einsum("bkhw,ck->bchw", features, classifier.head.weight)
        bias = 0 if classifier.head.bias is None else classifier.head.bias
        torch.testing.assert_close(classifier(images), maps.mean(dim=(2, 3)) + bias, rtol=1e-4, atol=1e-5)
    assert features.min() >= 0


def test_four_groups_hold_what_learns_once(classifier: Classifier) -> None:
    groups = classifier.parameter_groups()
    assert list(groups) == ["trunk_weights", "trunk_biases", "head_weights", "head_biases"]
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    learning = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    assert sorted(grouped) == sorted(map(id, learning))
    heads = [*classifier.neck.parameters(), *classifier.head.parameters()]
    in_head = [*groups["head_weights"], *groups["head_biases"]]
    assert sorted(map(id, in_head)) == sorted(map(id, heads))
    biases = [*groups["trunk_biases"], *groups["head_biases"]]
    assert {parameter.dim() for parameter in biases} <= {1}


@pytest.mark.parametrize(
    ("arch", "trunk", "width"),
    [
        ("resnet50", (64, 256, 512, 1024, 2048), 2048),
        ("resnet50_full", (64, 256, 512, 1024, 2048), 2048),
        ("resnet50_oaa", (64, 256, 512, 1024, 2048), 512),
        ("resnet_gap", (64, 256, 512, 1024), 1024),
        ("irn_resnet50", (64, 256, 512, 1024, 2048), 2048),
        ("vgg16", (64, 128, 256, 512, 512), 512),
    ],
)
def test_published_widths(arch: str, trunk: tuple[int, ...], width: int) -> None:
    with torch.device("meta"):
        classifier = make_classifier(arch, classes=3)
    assert classifier.trunk.shape.channels == trunk
    assert classifier.head.weight.shape == (3, width)


@pytest.mark.parametrize(
    ("arch", "stages"), [("resnet18", (3, 4)), ("resnet_gap", (3,)), ("vgg16", (0,)), ("irn_resnet50", ())]
)
def test_dropblock_acts_after_its_stages_in_training(arch: str, stages: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    classifier = make_classifier(arch, classes=2, drop_prob=0.5, block_size=1).eval()
    images = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        plain = classifier.trunk.stages(images)
        classifier.drops.train()
        features = images
        for index, (stage, seen) in enumerate(
            zip(classifier.trunk.stage_modules, classifier.stages(images), strict=True)
        ):
            # Each stage is computed from what the one before it, dropped or not, gave.
            assert torch.equal(stage(features), seen) == (index not in stages)
            features = seen
        classifier.set_drop_prob(0.0)
        assert torch.equal(classifier.stages(images)[-1], plain[-1])


def test_vgg_is_dilated_after_its_last_pooling() -> None:
    with torch.device("meta"):
        blocks = TRUNKS["vgg16"]("none").stage_modules
    pools = [layer for block in blocks for layer in block.modules() if isinstance(layer, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(2, 2), (2, 2), (2, 2), (3, 1)]
    last = [layer for layer in blocks[-1].modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.dilation for layer in last] == [(2, 2)] * 3
    assert sum(isinstance(layer, nn.Conv2d) for block in blocks for layer in block.modules()) == 13


def test_irnets_trunk_is_strided_and_not_dilated() -> None:
    with torch.device("meta"):
        trunk = TRUNKS["resnet50_irn"]("none")
    layers = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    assert {layer.dilation for layer in layers} == {(1, 1)}
    assert sum(layer.stride == (2, 2) and layer.kernel_size != (1, 1) for layer in layers) == 3


def test_irns_cam_net_learns_in_its_last_two_layers_with_frozen_statistics() -> None:
    torch.manual_seed(0)
    classifier = make_classifier("irn_resnet50", classes=2).train()
    before = {name: value.clone() for name, value in classifier.named_buffers()}
    classifier(torch.randn(2, 3, SIZE, SIZE)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in classifier.named_buffers())
    gradients = [
        any(parameter.grad is not None for parameter in stage.parameters())
        for stage in classifier.trunk.stage_modules
    ]
    assert gradients == [False, False, False, True, True]
    assert classifier.head.bias is None


def test_later_steps_know_every_classifier_or_why_not() -> None:
    assert set(CLASSIFIERS) - set(IRNET_TRUNKS) == {"vgg16", "resnet_gap"}
    assert set(CLASSIFIERS) - set(ENCODER_OF) == {"resnet_gap"}
    assert {name for name, made in CLASSIFIERS.items() if not made.drop_after} == WITHOUT_DROPBLOCK
    for arch, name in IRNET_TRUNKS.items():
        with torch.device("meta"):
            ours, irnets = TRUNKS[CLASSIFIERS[arch].trunk]("none"), TRUNKS[name]("none")
        irnets.load_state_dict(ours.state_dict())
        assert irnets.shape.strides[0] == irnets.shape.strides[1]


def test_small_trunk_has_no_imagenet_weights() -> None:
    with pytest.raises(WeightsError, match="resnet_small"):
        make_classifier("resnet_small", classes=1, weights="imagenet")


@pytest.mark.parametrize(("arch", "name"), [("resnet18", "resnet18"), ("vgg16", "vgg16_bn")])
def test_imagenet_weights_that_cannot_be_fetched(
    arch: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    # Sockets off this machine are refused in tests, which is what an offline machine looks like.
    with pytest.raises(WeightsError, match=f"{name} could not be fetched") as caught:
        make_classifier(arch, classes=1, weights="imagenet")
    assert caught.value.remedy
    assert "{file: PATH, part: trunk}" in caught.value.remedy


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (7, 7), (8, 9)])
def test_the_smallest_images_have_features(classifier: Classifier, size: tuple[int, int]) -> None:
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        assert classifier(images).isfinite().all()
        assert torch.equal(classifier.trunk(images), classifier.stages(images)[-1])
