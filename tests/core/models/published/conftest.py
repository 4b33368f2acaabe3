"""One set of random weights of IRNet for all tests here."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.core.models.published import reference


@pytest.fixture(scope="session")
def irnet_state() -> dict[str, Tensor]:
    """Each tensor once, by its first name; nobody writes to it."""
    return reference.random_irnet(torch.Generator().manual_seed(1))
