"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Literal

__all__ = ["Prefix", "make_id"]

Prefix = Literal["job", "ds", "pl", "key"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
RANDOM_BITS = 80
LENGTH = 26

_lock = threading.Lock()
_last = 0


def make_id(prefix: Prefix) -> str:
    """A new id such as `job_01k...`: 48 bits of milliseconds, then 80 random bits (a ULID in lower case).

    Ids made by one process rise strictly, also within a millisecond.
    """
    global _last
    fresh = (time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    with _lock:
        _last = fresh if fresh >> RANDOM_BITS > _last >> RANDOM_BITS else _last + 1
        number = _last
    digits = [ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(LENGTH))]
    return f"{prefix}_{''.join(digits)}"
