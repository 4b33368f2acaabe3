"""IRNet: published widths, a frozen trunk, odd sizes, the mean shift, mirror averaging."""

import pytest
import torch

from wsmis_core.models import IRNet
from wsmis_core.models.trunks import TRUNKS


@pytest.fixture
def small() -> IRNet:
    torch.manual_seed(0)
    return IRNet(TRUNKS["resnet_small"]("none"))


@pytest.mark.parametrize("name", ["resnet_small", "resnet18"])
def test_outputs_lie_on_the_second_stages_grid(name: str) -> None:
    irnet = IRNet(TRUNKS[name]("none")).eval()
    boundary, displacement = irnet(torch.randn(1, 3, 70, 50))
    height, width = -(-70 // irnet.grid_stride), -(-50 // irnet.grid_stride)
    assert boundary.shape == (1, 1, height, width)
    assert displacement.shape == (1, 2, height, width)


def test_published_widths_over_resnet50() -> None:
    irnet = IRNet(TRUNKS["resnet50_irn"]("none"))
    shapes = {name: tuple(parameter.shape) for name, parameter in irnet.named_parameters() if "conv" in name}
    boundary = [shapes[f"boundary.laterals.{stage}.conv.weight"] for stage in range(5)]
    assert boundary == [(32, channels, 1, 1) for channels in (64, 256, 512, 1024, 2048)]
    displacement = [shapes[f"displacement.laterals.{stage}.conv.weight"][0] for stage in range(5)]
    assert displacement == [64, 128, 256, 256, 256]
    assert shapes["displacement.deep.conv.weight"] == (256, 768, 1, 1)
    assert shapes["displacement.fuse.conv.weight"] == (256, 448, 1, 1)
    assert irnet.boundary.head.weight.shape == (1, 160, 1, 1)
    assert irnet.displacement.head.bias is None


def test_trunk_stays_frozen(small: IRNet) -> None:
    before = {name: value.clone() for name, value in small.trunk.state_dict().items()}
    small.train()
    boundary, displacement = small(torch.randn(2, 3, 32, 32))
    (boundary.sum() + displacement.sum()).backward()
    assert not any(module.training for module in small.trunk.modules())
    assert all(parameter.grad is None for parameter in small.trunk.parameters())
    assert all(torch.equal(value, before[name]) for name, value in small.trunk.state_dict().items())
    learning = [parameter for group in small.parameter_groups().values() for parameter in group]
    assert all(parameter.grad is not None for parameter in learning)


def test_mean_shift_is_taken_off_in_evaluation_alone(small: IRNet) -> None:
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        _, plain = small.eval()(images)
        small.mean_shift.copy_(torch.tensor([0.5, -2.0]))
        _, shifted = small(images)
        _, training = small.train()(images)
    torch.testing.assert_close(shifted, plain - torch.tensor([0.5, -2.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(training, plain)
    assert "mean_shift" in small.state_dict()


def test_inference_treats_an_image_and_its_mirror_alike(small: IRNet) -> None:
    images = torch.randn(1, 3, 32, 48)
    boundary, _ = small.eval().infer(images)
    mirrored, _ = small.infer(images.flip(-1))
    assert boundary.shape == (1, 16, 24)
    torch.testing.assert_close(mirrored.flip(-1), boundary)
    assert 0 <= boundary.min() <= boundary.max() <= 1


def test_inference_passes_the_trunk_once_and_gives_what_the_parts_give(small: IRNet) -> None:
    images = torch.randn(2, 3, 33, 50)
    small.eval().mean_shift.copy_(torch.tensor([0.5, -2.0]))
    passes: list[int] = []
    hook = small.trunk.stage_modules[0].register_forward_hook(lambda *call: passes.append(len(call[2])))
    boundary, displacement = small.infer(images)
    hook.remove()
    assert passes == [4]
    torch.testing.assert_close(boundary, small.boundaries(images))
    with torch.no_grad():
        torch.testing.assert_close(displacement, small(images)[1])


def test_small_images_are_padded_to_the_window_and_cut_out_again(small: IRNet) -> None:
    """As published: image and mirror are padded right and below, then cut to the image's own cells."""
    small.eval().mean_shift.copy_(torch.tensor([0.5, -2.0]))
    images = torch.randn(2, 3, 30, 21)
    boundary, displacement = small.infer(images, window=48)
    assert boundary.shape == (2, 15, 11)
    with torch.no_grad():
        padded = torch.zeros(2, 3, 48, 48)
        padded[..., :30, :21] = images
        logits, expected = small(padded)
        padded[..., :30, :21] = images.flip(-1)
        mirrored, _ = small(padded)
    logits, mirrored = logits[..., :15, :11], mirrored[..., :15, :11].flip(-1)
    torch.testing.assert_close(boundary, torch.sigmoid((logits + mirrored) / 2)[:, 0])
    torch.testing.assert_close(displacement, expected[..., :15, :11])
    torch.testing.assert_close(small.boundaries(images, window=48), boundary)
    torch.testing.assert_close(small.displacements(images, window=48), displacement)
    # A window that is no larger than the image changes nothing.
    torch.testing.assert_close(small.boundaries(images, window=21), small.boundaries(images))
