"""The keeper leaves no descendant alive, whatever ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.worker.conftest import Eventually

# Two processes in sessions of their own, one of them an orphan at once; then {then}.
TREE = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleep, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    subprocess.Popen(sleep)
    os._exit(0)
os.wait()
open(sys.argv[1], "w").close()
{then}
"""
SLEEP = "time.sleep(600)"
MARK = "WSMIS_TEST_KEEPER"


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(MARK, str(tmp_path))
    return str(tmp_path)


def command(tmp_path: Path, then: str) -> list[str]:
    return [sys.executable, "-c", TREE.format(then=then), str(tmp_path / "up")]


def keep(tmp_path: Path, then: str) -> subprocess.Popen[bytes]:
    keeper = [sys.executable, "-m", "services.worker.keeper", str(os.getpid())]
    return subprocess.Popen([*keeper, *command(tmp_path, then)], start_new_session=True)


def marked(mark: str) -> list[int]:
    """The processes below the keeper."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.pid != os.getpid():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize(("then", "status"), [("sys.exit(75)", 75), ("os.kill(os.getpid(), 9)", 137)])
def test_the_commands_end_is_everybodys(tmp_path: Path, mark: str, then: str, status: int) -> None:
    assert keep(tmp_path, then).wait(30) == status
    assert marked(mark) == []


def test_sighup_kills_everything(tmp_path: Path, mark: str, eventually: Eventually) -> None:
    keeper = keep(tmp_path, SLEEP)
    eventually((tmp_path / "up").exists)
    assert len(marked(mark)) == 4
    keeper.send_signal(signal.SIGHUP)
    assert keeper.wait(30) == 128 + signal.SIGHUP
    assert marked(mark) == []


def test_sigterm_is_passed_on(tmp_path: Path, mark: str, eventually: Eventually) -> None:
    handler = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))"
    keeper = keep(tmp_path, f"{handler}; open(sys.argv[1] + '2', 'w'); {SLEEP}")
    eventually((tmp_path / "up2").exists)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(30) == 75
    assert marked(mark) == []


def test_the_supervisors_death_kills_everything(tmp_path: Path, mark: str, eventually: Eventually) -> None:
    """kill -9 of the process that started the keeper."""
    supervisor = (
        "import os, subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-m', 'services.worker.keeper', str(os.getpid()), *sys.argv[1:]],"
        " start_new_session=True).wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", supervisor, *command(tmp_path, SLEEP)])
    eventually((tmp_path / "up").exists)
    assert len(marked(mark)) == 5
    process.kill()
    process.wait()
    eventually(lambda: marked(mark) == [], "an end of all processes")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    keeper = [sys.executable, "-m", "services.worker.keeper", str(os.getpid()), str(tmp_path / "nothing")]
    done = subprocess.run(keeper, capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert "No such file or directory" in done.stderr
