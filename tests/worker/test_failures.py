"""Why an attempt failed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from services.worker.failures import classified, unprepared
from wsmis_core.spec import Failure

TORCHRUN = """
Other Failures:
[1]:
  rank      : 1 (local_rank: 1)
  exitcode  : {other} (pid: 102)
Root Cause (first observed failure):
[0]:
  rank      : 0 (local_rank: 0)
  exitcode  : {root} (pid: 101)
"""


@pytest.mark.parametrize(
    ("log", "exit_code", "reason", "retryable"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", 1, "out_of_memory", False),
        (
            "RuntimeError: DefaultCPUAllocator: can't allocate memory",
            1,
            "out_of_memory",
            False,
        ),
        ("OSError: [Errno 28] No space left on device: 'x'", 1, "disk_full", False),
        ("/usr/bin/python: No module named torch", 1, "missing_torch", False),
        ("ModuleNotFoundError: No module named 'torch'", 1, "missing_torch", False),
        ("ModuleNotFoundError: No module named 'torchmetrics'", 1, "crashed", True),
        ("CUDA error: uncorrectable ECC error encountered", 1, "gpu_lost", True),
        (TORCHRUN.format(other=1, root=-9), 1, "rank_killed", True),
        (TORCHRUN.format(other=-11, root=1), 1, "rank_killed", True),
        (TORCHRUN.format(other=-15, root=1), 1, "crashed", True),
        ("", -9, "rank_killed", True),
        ("", 0, "crashed", True),
    ],
)
def test_log_and_exit_status(log: str, exit_code: int, reason: str, retryable: bool) -> None:
    failure = classified(exit_code=exit_code, said=None, log=log)
    assert (failure.reason, failure.retryable) == (reason, retryable)
    assert failure.remedy


def test_what_the_ranks_know_is_taken_as_it_is() -> None:
    said = Failure(reason="diverged", message="the loss is nan.", field="params.rates", remedy="Lower them.")
    assert classified(exit_code=1, said=said, log="CUDA out of memory") is said


def test_a_crash_of_the_others_hides_no_killed_rank() -> None:
    """The rank that lives on sees a broken connection, and says so."""
    said = Failure(reason="crashed", message="Connection closed by peer", retryable=True)
    failure = classified(exit_code=1, said=said, log=TORCHRUN.format(other=1, root=-9))
    assert failure.reason == "rank_killed"
    assert "signal 9" in failure.message
    assert classified(exit_code=1, said=said, log="") is said


def test_a_lost_gpu_explains_a_crash() -> None:
    said = Failure(reason="crashed", message="CUDA error: unspecified launch failure", retryable=True)
    failure = classified(exit_code=1, said=said, log="", gpu_problems=["GPU is lost"])
    assert (failure.reason, failure.retryable) == ("gpu_lost", True)


def test_the_tail_has_twenty_lines() -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    failure = classified(exit_code=3, said=None, log=log)
    assert "exit status 3" in failure.message
    assert "line 80\n" in failure.message
    assert "line 79\n" not in failure.message


def test_a_folder_that_cannot_be_made() -> None:
    failure = unprepared(Path("/runs/j/attempt-1"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert failure.field == "/runs/j/attempt-1"
    assert "No space left on device" in failure.message
