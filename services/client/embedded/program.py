"""A child process of `wsmis up`: it dies with its parent, and is started again when it dies alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from services.parent_death import die_with_parent

__all__ = ["Program", "stop_all"]

_SHORTEST, _LONGEST = 1.0, 30.0  # seconds before a new start
_WELL_SECONDS = 60.0  # who has run so long begins with the shortest again
_LARGEST_LOG = 10 << 20  # bytes; then it is set aside at the next start
_TAIL_BYTES = 2000


@dataclass
class Program:
    """A command with its log; ``say`` tells the user when it has to be started again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    say: Callable[[str], None]
    process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _pause: float = field(default=_SHORTEST)
    _restart_at: float | None = None

    def start(self) -> None:
        """In a process group of its own, so that the terminal's Ctrl-C does not reach it."""
        self.log.parent.mkdir(exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".1.log"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
        self._started = time.monotonic()
        self._restart_at = None

    @property
    def exit_status(self) -> int | None:
        """None while it runs, or was never started."""
        return None if self.process is None else self.process.poll()

    def tend(self) -> None:
        """Start it again some time after it has ended."""
        if self.exit_status is None:
            return
        now = time.monotonic()
        if self._restart_at is None:
            if now - self._started > _WELL_SECONDS:
                self._pause = _SHORTEST
            self.say(
                f"{self.name} has ended with status {self.exit_status} and is started again "
                f"in {self._pause:.0f} s; its log is {self.log}"
            )
            self._restart_at = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST)
        elif now >= self._restart_at:
            self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it; SIGKILL goes to its whole group."""
        if self.process is None or self.process.poll() is not None:
            return
        if number is signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def last_words(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip()


def stop_all(programs: Sequence[Program], *, seconds: float, hurry: Callable[[float], bool]) -> bool:
    """Ask ``programs`` to end, and kill those that have not after ``seconds``; whether none had to be killed.

    ``hurry`` waits for as long as it is told, and says whether to kill at once.
    """
    for program in programs:
        program.send(signal.SIGTERM)
    end = time.monotonic() + seconds
    orderly = True
    while _running(programs):
        if time.monotonic() > end or hurry(0.1):
            orderly = False
            break
    for program in programs:
        program.send(signal.SIGKILL)
        if program.process is not None:
            program.process.wait()
    return orderly


def _running(programs: Sequence[Program]) -> list[Program]:
    return [program for program in programs if program.process and program.exit_status is None]
