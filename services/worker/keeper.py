"""The process between a supervisor and its ranks: whatever ends, it leaves no descendant alive.

    python -m services.worker.keeper SUPERVISOR_PID COMMAND...

torchrun puts every rank in a session of its own, so that killing torchrun's group, or the
death of whoever started it, leaves the ranks on their devices. The keeper is the ranks'
subreaper: orphans come back to it, wherever they moved, and it can find them all.

    SIGTERM           goes on to the command's process group: an orderly end is asked for
    SIGHUP            kill everything now; the kernel sends it when the supervisor dies
    the command ends  what it left is killed; the exit status is the command's (128 + n for signal n)
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence

import psutil

from services.parent_death import become_subreaper, die_with_parent

__all__ = ["keep", "kill_descendants"]

_WATCHED = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM}
_KILL_SECONDS = 30.0  # longer only takes a process in uninterruptible sleep; it is given up


def keep(supervisor: int, command: Sequence[str]) -> int:
    """Run ``command`` to its end, or to the supervisor's; return its exit status."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    become_subreaper()
    die_with_parent(supervisor, signal.SIGHUP)
    child = _start(command, before)
    while True:
        match signal.sigwait(_WATCHED):
            case signal.SIGTERM:
                os.killpg(child, signal.SIGTERM)
            case signal.SIGHUP:
                kill_descendants(_KILL_SECONDS)
                return 128 + signal.SIGHUP
            case _:
                status = _reap().get(child)
                if status is not None:
                    kill_descendants(_KILL_SECONDS)
                    code = os.waitstatus_to_exitcode(status)
                    return code if code >= 0 else 128 - code


def kill_descendants(seconds: float) -> None:
    """Kill this process's descendants, and theirs, until none is left or ``seconds`` are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        descendants = psutil.Process().children(recursive=True)
        if not descendants:
            return
        for process in descendants:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _reap()
        time.sleep(0.01)


def _start(command: Sequence[str], mask: set[signal.Signals | int]) -> int:
    """Fork and exec ``command`` in a process group of its own; returns its pid, and the group's."""
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in the pool; it outlives exec
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            die_with_parent(keeper)
            os.execvp(command[0], list(command))
        except OSError as error:
            os.write(2, f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    with contextlib.suppress(OSError):  # it was quicker, and has set it itself
        os.setpgid(child, child)
    return child


def _reap() -> dict[int, int]:
    """The wait statuses of all children that have ended, by pid."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


if __name__ == "__main__":
    sys.exit(keep(int(sys.argv[1]), sys.argv[2:]))
