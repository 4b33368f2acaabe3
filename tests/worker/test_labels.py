"""Stray processes are found by their label, and only those of the home that is swept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.worker.labels import Label, is_orphan, labelled, sweep

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
]


def label(home: Path, *, supervisor: int, job: str = "job_1") -> Label:
    return Label(job=job, attempt=2, token=2, supervisor=supervisor, home=str(home))


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(
    processes: list[subprocess.Popen[bytes]], mark: Label, command: list[str] = SLEEP
) -> subprocess.Popen[bytes]:
    processes.append(
        subprocess.Popen(command, env={**os.environ, **mark.environment()}, start_new_session=True)
    )
    return processes[-1]


def test_a_label_is_read_from_the_environment(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    mark = label(tmp_path, supervisor=os.getpid())
    process = start(processes, mark)
    assert [(found.pid, read) for found, read in labelled(tmp_path)] == [(process.pid, mark)]
    assert list(labelled(tmp_path / "other")) == []


def test_an_orphan_is_outside_of_its_supervisors_tree(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Its supervisor is this process, or one that ended long ago."""
    kept = label(tmp_path, supervisor=os.getpid())
    lost = label(tmp_path, supervisor=2**22 + 1)
    process = psutil.Process(start(processes, kept).pid)
    assert not is_orphan(process, kept)
    assert is_orphan(process, lost)


def test_sweep_kills_strays_alone(tmp_path: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    kept = start(processes, label(tmp_path, supervisor=os.getpid()))
    strays = [start(processes, label(tmp_path, supervisor=2**22 + 1), STUBBORN) for _ in range(2)]
    elsewhere = start(processes, label(tmp_path / "other", supervisor=2**22 + 1))
    killed = sweep(tmp_path, is_orphan)
    assert {pid for pid, _ in killed} == {stray.pid for stray in strays}
    assert all(stray.poll() is not None for stray in strays)
    assert kept.poll() is None
    assert elsewhere.poll() is None
    assert sweep(tmp_path, is_orphan) == []
