"""Ties a process's life to its parent's. Linux can; elsewhere nothing is tied."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["become_subreaper", "die_with_parent"]

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded now, since `die_with_parent` runs between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, sig: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send ``sig`` to this process when the thread that started it ends.

    ``parent`` is the pid that the caller takes for its parent: if that one has died before
    the kernel was asked, the process ends here. The setting outlives exec, not fork.
    """
    _prctl(PR_SET_PDEATHSIG, sig)
    if os.getppid() != parent:
        os._exit(128 + sig)


def become_subreaper() -> None:
    """Make this process the parent of all its descendants whose own parents have died."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux" and _libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
