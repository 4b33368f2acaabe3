"""`wsmis up` as a user runs it, and as it dies."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

COMMAND = [sys.executable, "-c", "from services.client.command import main; main()", "up"]
PATIENCE_SECONDS = 150.0


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until ``condition`` holds; fail the test if it never does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


@dataclass
class Up:
    """A home, and the `wsmis up` that runs on it."""

    home: Path
    output: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*COMMAND, "--home", str(self.home), "--data-root", str(self.home.parent), "--port", "0"],
                stdout=output,
                stderr=output,
            )
        eventually(lambda: "Ctrl-C" in self.said() or self.ended(), "a start")
        assert not self.ended(), self.said()

    def said(self) -> str:
        return self.output.read_text()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def answer(self, path: str) -> int:
        key = (self.home / "api-key").read_text().strip()
        with httpx.Client(trust_env=False) as client:
            url = (self.home / "url").read_text().strip()
            return client.get(url + path, headers={"Authorization": f"Bearer {key}"}).status_code

    def processes(self) -> list[psutil.Process]:
        """All that was started for this home, wherever it has moved."""
        found = []
        for process in psutil.process_iter():
            try:
                title = " ".join(process.cmdline())  # Redis writes over its environment
                if process.environ().get("WSMIS_HOME") == str(self.home) or f":{self.home}/" in title:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def program(self, module: str) -> psutil.Process | None:
        """The main process of a program."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if f"services.{module}" in child.cmdline()), None)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    up = Up(folder / "home", folder / "output.txt")
    yield up
    if up.process is not None and up.process.poll() is None:
        up.process.kill()
        up.process.wait()


def refused(*arguments: str) -> str:
    """What `wsmis up` says when it refuses with wrong use."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return re.sub(r"\s+", " ", done.stderr)


def test_everything_runs_and_the_key_is_for_the_owner_alone(running: Up) -> None:
    """A key that is left of another database is replaced."""
    running.home.mkdir()
    (running.home / "api-key").write_text("wsmis_old_key\n")
    running.start()
    assert running.answer("/readyz") == 200
    assert running.answer("/jobs") == 200
    assert (running.home / "api-key").stat().st_mode & 0o777 == 0o600
    assert (running.home / "url").read_text().strip() in running.said()
    assert str(running.home / "api-key") in running.said()


def test_a_second_one_on_the_home_is_refused(running: Up) -> None:
    said = refused("--home", str(running.home))
    assert "a service already runs on" in said
    assert (running.home / "url").read_text().strip() in said


@pytest.mark.parametrize("module", ["worker", "api"])
def test_a_part_that_died_is_started_again(running: Up, module: str) -> None:
    before = running.program(module)
    assert before is not None
    before.kill()
    eventually(lambda: f"{module} has ended with status -9" in running.said(), "a word about it")
    eventually(lambda: running.program(module) not in (None, before), f"a new {module}")


def test_kill_leaves_nothing_and_the_next_start_goes_on(running: Up) -> None:
    assert running.process is not None
    key = (running.home / "api-key").read_text()
    # Redis, API, reconciler, and the worker with its two pool processes.
    eventually(lambda: len(running.processes()) >= 6, "every program")
    running.process.kill()
    running.process.wait()
    eventually(lambda: not running.processes(), "an end of all processes")
    running.start()
    assert (running.home / "api-key").read_text() == key
    assert running.answer("/jobs") == 200


def test_sigterm_ends_all(running: Up) -> None:
    assert running.process is not None
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE_SECONDS) == 0
    assert not running.processes()
    assert not (running.home / "url").exists()


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--home", str(tmp_path / "home"), "--port", str(port))
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use." in said
    assert "0 takes a free one" in said


def test_a_data_root_that_is_none_is_refused(tmp_path: Path) -> None:
    said = refused("--home", str(tmp_path / "home"), "--data-root", str(tmp_path / "nothing"))
    assert "--data-root" in said
    assert not (tmp_path / "home").exists()


def test_a_drain_time_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSMIS_DRAIN_SECONDS", "abc")
    assert "WSMIS_DRAIN_SECONDS: 'abc' is no number of seconds" in refused("--home", str(tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def test_interrupt_during_the_start(tmp_path: Path) -> None:
    """Ctrl-C before anything is ready: nothing is left either."""
    up = Up(tmp_path / "home", tmp_path / "output.txt")
    with up.output.open("wb") as output:
        up.process = subprocess.Popen([*COMMAND, "--home", str(up.home), "--port", "0"], stdout=output)
    eventually(lambda: (up.home / "logs" / "redis.log").exists(), "the first part")
    os.kill(up.process.pid, signal.SIGINT)
    assert up.process.wait(PATIENCE_SECONDS) == 0
    assert not up.processes()
