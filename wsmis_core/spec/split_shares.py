"""How many patients go to which split, where no file says it."""

from __future__ import annotations

from pydantic import Field

from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import Split

__all__ = ["PartialShares", "SplitShares"]


class SplitShares(Spec):
    """Shares of the patients that go to validation and test; the rest trains."""

    val: float = Field(default=0.1, ge=0, le=0.9)
    test: float = Field(default=0.2, ge=0, le=0.9)
    seed: int = Field(default=0, ge=0, description="another seed, another deterministic split")


class PartialShares(Spec):
    """Shares for the splits that no file gives, of the patients that no file puts into one."""

    val_share: float | None = Field(
        default=None, ge=0, le=0.9, description="of the patients, for validation; 0.1 where no file gives it"
    )
    test_share: float | None = Field(
        default=None, ge=0, le=0.9, description="of the patients, for the test; 0.2 where no file gives it"
    )
    seed: int = Field(default=0, ge=0, description="another seed, another deterministic draw")

    def drawn(self, *, given: Split | None) -> SplitShares:
        """All shares, 0 for the split that a file gives."""
        asked = {"val": self.val_share, "test": self.test_share}
        shares = {split: share for split, share in asked.items() if share is not None}
        return SplitShares.model_validate({**shares, **({given: 0} if given else {}), "seed": self.seed})
