"""A user's YAML file, read without trust."""

from __future__ import annotations

from pathlib import Path

import yaml

from wsmis_core.errors import SpecError

__all__ = ["read_yaml"]


def read_yaml(path: Path) -> object:
    """What the file holds; raises SpecError that names it."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            f"it cannot be read: {error.strerror}.", field=str(path), remedy="Name a YAML file."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"it is not YAML: {error}.", field=str(path), remedy="Correct its syntax.") from None
