"""IRNet and its CAM net give the published forward pass for weights that the importer loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.core.models.published import reference
from wsmis_core.cam import cam
from wsmis_core.models import TRUNKS, IRNet, make_classifier
from wsmis_core.models.published import fill, names_of_classifier, names_of_irnet, read_state

RELATIVE = 1e-5


@pytest.fixture(scope="module")
def irnet(irnet_state: reference.State, tmp_path_factory: pytest.TempPathFactory) -> IRNet:
    """Our IRNet with the weights of a file as IRNet's training leaves it: all twins, bare."""
    path = tmp_path_factory.mktemp("weights") / "res50_irn.pth"
    torch.save(reference.with_twins(irnet_state, reference.IRNET_TWINS), path)
    model = IRNet(TRUNKS["resnet50_irn"]("none"))
    state = read_state(path, field="f")
    assert fill(model, state, names_of_irnet(), source="it", field="f") == "IRNet's"
    return model.eval()


def double(state: reference.State) -> reference.State:
    """The same numbers, to compute with 64 bits."""
    return {name: tensor.double() for name, tensor in state.items()}


def check(ours: Tensor, truth: Tensor) -> None:
    """The largest error against the largest value."""
    assert ours.shape == truth.shape
    assert (ours.double() - truth).abs().max() < RELATIVE * truth.abs().max()


@pytest.mark.parametrize("size", [(33, 49), (70, 83)])
def test_irnets_branches(irnet: IRNet, irnet_state: reference.State, size: tuple[int, int]) -> None:
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(2))
    boundary, displacement = reference.irnet(double(irnet_state), images.double())
    with torch.no_grad():
        ours = irnet(images)
    check(ours[0], boundary)
    check(ours[1], displacement)


@pytest.mark.parametrize(("size", "crop"), [((45, 61), 64), ((64, 64), 64)])
def test_irnets_inference(
    irnet: IRNet, irnet_state: reference.State, size: tuple[int, int], crop: int
) -> None:
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(3))
    boundary, displacement = reference.irnet_inference(double(irnet_state), image.double(), crop=crop)
    ours = irnet.infer(image[None], window=crop)
    check(ours[0], boundary)
    check(ours[1], displacement[None])
    check(irnet.boundaries(image[None], window=crop), boundary)


def test_the_cam_nets_logits_and_maps(irnet_state: reference.State, tmp_path: Path) -> None:
    trunk = {name: tensor for name, tensor in irnet_state.items() if name.startswith("resnet50.")}
    state = reference.random_cam_net(trunk, torch.Generator().manual_seed(4), classes=3)
    path = tmp_path / "res50_cam.pth"
    torch.save(reference.with_twins(state, reference.CAM_NET_TWINS), path)
    classifier = make_classifier("irn_resnet50", classes=3).train()
    read = read_state(path, field="f")
    assert fill(classifier, read, names_of_classifier("irn_resnet50"), source="it", field="f") == (
        "IRNet's CAM net"
    )
    images = torch.randn(2, 3, 49, 65, generator=torch.Generator().manual_seed(5))
    logits, maps = reference.cam_net(double(state), images.double())
    with torch.no_grad():
        check(classifier(images), logits)  # in training mode: its batch norms are frozen
        check(cam(classifier.eval().features(images), classifier.head.weight), maps)
