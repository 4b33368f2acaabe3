"""Processes over the cores: order, errors as they are, and none left behind."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from wsmis_core.engine import Processes, worker_processes
from wsmis_core.errors import DataError, ResourceError


def halved(number: int) -> float:
    if number % 2:
        raise DataError(f"{number} is odd.", field="number", remedy="Double it.")
    return number / 2


def killed(signal_number: int) -> None:
    os.kill(os.getpid(), signal_number)


def children() -> set[int]:
    """The ids of this process's children, but that of the library's own watcher of semaphores."""
    running = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return {child.pid for child in running if "resource_tracker" not in " ".join(child.cmdline())}


def test_results_come_in_order_errors_as_they_are_and_a_killed_process_is_told() -> None:
    before = children()
    with worker_processes() as processes:
        assert isinstance(processes, Processes)
        assert processes.count >= 1
        assert children() == before  # none before there is work
        assert processes.map(halved, [4, 2, 0]) == [2, 1, 0]
        with pytest.raises(DataError) as raised:
            processes.map(halved, [4, 3])
        assert (raised.value.field, raised.value.remedy) == ("number", "Double it.")
        # A stop goes to the rank, which lets its processes finish what they do.
        processes.map(killed, [signal.SIGTERM, signal.SIGINT])
        with pytest.raises(ResourceError, match="killed"):
            processes.map(killed, [signal.SIGKILL])
    assert children() == before
