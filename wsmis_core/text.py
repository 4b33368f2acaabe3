"""Text that files, JSON and databases can hold."""

from __future__ import annotations

__all__ = ["is_text"]


def is_text(text: str) -> bool:
    """Whether it is UTF-8 (halves of surrogate pairs are not) and without NUL, which PostgreSQL refuses."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
