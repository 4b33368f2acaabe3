"""Which paths a user may name: those below a data root, as it is configured.

The API has no access to the files, so it compares names; the worker looks again with links resolved.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wsmis_core.errors import Problem

__all__ = ["path_problems"]


def path_problems(path: str, roots: Sequence[Path], *, field: str) -> list[Problem]:
    """What is wrong with ``path`` by its name alone."""
    if not roots:
        return [
            Problem(
                f"{path} cannot be used: this service has no data roots.",
                field,
                "Start it with WSMIS_DATA_ROOTS, or `wsmis up --data-root`, naming a folder above.",
            )
        ]
    named = Path(os.path.normpath(path))
    if named.is_absolute() and "\0" not in path and any(named.is_relative_to(root) for root in roots):
        return []
    known = ", ".join(str(root) for root in roots)
    return [
        Problem(f"{path} is not an absolute path below a data root.", field, f"The data roots are {known}.")
    ]
