"""Every classifier: shapes, strides, parameter groups, DropBlock, and CAMs that add up to the logit."""

import pytest
import torch

from wsmis_core.errors import WeightsError
from wsmis_core.models import CLASSIFIERS, Classifier, make_classifier

SIZE = 64


@pytest.fixture(params=sorted(CLASSIFIERS))
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
        maps = torch.einsum("bkhw,ck->bchw", classifier.features(images), classifier.head.weight)
        expected = maps.mean(dim=(2, 3)) + classifier.head.bias
        torch.testing.assert_close(classifier(images), expected, rtol=1e-4, atol=1e-5)


def test_four_groups_hold_every_parameter_once(classifier: Classifier) -> None:
    groups = classifier.parameter_groups()
    assert list(groups) == ["trunk_weights", "trunk_biases", "head_weights", "head_biases"]
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in classifier.parameters())
    assert [p.shape for p in groups["head_weights"]] == [classifier.head.weight.shape]
    assert [p.shape for p in groups["head_biases"]] == [classifier.head.bias.shape]


def test_dropblock_acts_after_the_last_two_stages_in_training(classifier: Classifier) -> None:
    trunk = classifier.trunk.eval()
    images = torch.randn(1, 3, 2 * SIZE, 2 * SIZE)
    classifier.drops.train()
    with torch.no_grad():
        torch.manual_seed(1)
        dropped, plain = classifier.stages(images), trunk.stages(images)
        for stage in range(3):
            assert torch.equal(dropped[stage], plain[stage])
        assert not torch.equal(dropped[3], plain[3])
        classifier.set_drop_prob(0.0)
        assert torch.equal(classifier.stages(images)[4], plain[4])


def test_small_trunk_has_no_imagenet_weights() -> None:
    with pytest.raises(WeightsError, match="resnet_small"):
        make_classifier("resnet_small", classes=1, weights="imagenet")


def test_imagenet_weights_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    # Sockets off this machine are refused in tests, which is what an offline machine looks like.
    with pytest.raises(WeightsError, match="resnet18 could not be fetched") as caught:
        make_classifier("resnet18", classes=1, weights="imagenet")
    assert caught.value.remedy
