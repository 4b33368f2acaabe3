"""Why an attempt failed, from what its ranks left: their own word first, then signals, then the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from services.jobs import Reason
from wsmis_core.errors import ArtifactError, WsmisError
from wsmis_core.spec import Failure

__all__ = ["classified", "damaged_output", "of_the_worker", "stalled", "unprepared"]

_TAIL_LINES = 20
_LOOK_AT_GPU = "Look at nvidia-smi and the host's kernel log; start the worker's container anew."
_LOWER_MEMORY = "If it comes again, lower params.batch_size, or give the worker more memory."


@dataclass(frozen=True, slots=True)
class _Sign:
    """A text in the log that tells the reason."""

    pattern: re.Pattern[str]
    reason: str
    message: str
    remedy: str
    retryable: bool = False


_DISK_FULL = _Sign(
    re.compile(r"No space left on device|Disk quota exceeded"),
    "disk_full",
    "the disk is full.",
    "Free some space below WSMIS_HOME (old runs and artifacts can be deleted), then retry the job.",
)
_SIGNS = (
    _Sign(
        re.compile(r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED"),
        "out_of_memory",
        "the GPU's memory is used up.",
        "Lower params.batch_size or params.image_size, or set params.precision to bfloat16.",
    ),
    _Sign(
        re.compile(r"can't allocate memory|Cannot allocate memory|^MemoryError", re.MULTILINE),
        "out_of_memory",
        "the host's memory is used up.",
        "Lower params.batch_size or params.loader_workers, or give the worker more memory.",
    ),
    _DISK_FULL,
    _Sign(
        re.compile(r"No module named '?torch\b"),
        "missing_torch",
        "torch is not installed where the worker runs.",
        "Install wsmis[worker] there, then retry the job.",
    ),
    _Sign(
        re.compile(r"uncorrectable ECC error|GPU is lost|fallen off the bus|NVML: Unknown Error"),
        "gpu_lost",
        "a GPU has failed.",
        _LOOK_AT_GPU,
        retryable=True,
    ),
)

# torchrun's table of failed ranks: a negative exit code is a signal; SIGTERM is torchrun's own.
_RANK_SIGNAL = re.compile(r"exitcode\s*:\s*-(?!15\b)(\d+)")
_SIGKILL = 9


def classified(
    *, exit_code: int, said: Failure | None, log: str, gpu_problems: Sequence[str] = ()
) -> Failure:
    """The failure of an attempt whose command ended with ``exit_code`` (minus the signal, if one).

    ``said`` is the ranks' own `failure.json`, ``log`` the end of their log, ``gpu_problems``
    what is wrong with the attempt's GPUs now. What a rank knows to be the user's is taken as
    it is; a crash is looked into.
    """
    if said is not None and said.reason != Reason.CRASHED:
        return said
    if gpu_problems:
        return Failure(
            reason="gpu_lost",
            message=f"a GPU no longer answers: {'; '.join(gpu_problems)}.",
            remedy=_LOOK_AT_GPU,
            retryable=True,
        )
    text = log if said is None else f"{said.message}\n{log}"
    for sign in _SIGNS:
        if sign.pattern.search(text):
            return _as_told(sign)
    rank = _RANK_SIGNAL.search(log)
    if rank or exit_code < 0:
        return _killed(int(rank[1]) if rank else -exit_code)
    if said is not None:
        return said
    ending = "without an artifact" if exit_code == 0 else f"with exit status {exit_code}"
    tail = "\n".join(log.splitlines()[-_TAIL_LINES:]) or "(nothing)"
    return Failure(
        reason=Reason.CRASHED,
        message=f"the ranks ended {ending}. The end of the log:\n{tail}",
        remedy="See the whole log of the attempt.",
        retryable=True,
    )


def stalled(seconds: float) -> Failure:
    """The ranks have said nothing for ``seconds``."""
    return Failure(
        reason=Reason.STALLED,
        message=f"the ranks have said nothing for {seconds:.0f} s.",
        remedy="Look into the attempt's log; raise WSMIS_STALL_SECONDS if the work is as slow as this.",
        retryable=True,
    )


def damaged_output(error: ArtifactError) -> Failure:
    """The ranks' output is not what its manifest says."""
    return Failure(
        reason=error.reason,
        message=error.message,
        field=error.field,
        remedy="Check the disk below WSMIS_HOME if it comes again.",
        retryable=True,
    )


def unprepared(folder: Path, error: OSError) -> Failure:
    """The attempt's folder could not be made: it is there already, say, or the disk is full."""
    return Failure(
        reason="no_folder",
        message=f"the attempt's folder could not be made: {error.strerror}.",
        field=str(folder),
        remedy="Make room below WSMIS_HOME, let the worker write there, and move a folder of this name away.",
        retryable=True,
    )


def of_the_worker(error: Exception) -> Failure:
    """What is the worker's own part of an attempt has failed: its spec, its folders, its artifact."""
    if isinstance(error, OSError):
        if _DISK_FULL.pattern.search(str(error)):
            return _as_told(_DISK_FULL)
        return Failure(
            reason="worker_files",
            message=f"the worker could not read or write: {error}.",
            remedy="Let the worker read and write below WSMIS_HOME, then retry the job.",
            retryable=True,
        )
    of_another_version = isinstance(error, ValidationError | WsmisError)
    return Failure(
        reason=Reason.CRASHED,
        message=f"the worker broke: {type(error).__name__}: {error}.",
        remedy="The job was stored by another version of the service: submit it again."
        if of_another_version
        else "See the worker's log, and report it.",
        retryable=not of_another_version,
    )


def _as_told(sign: _Sign) -> Failure:
    return Failure(reason=sign.reason, message=sign.message, remedy=sign.remedy, retryable=sign.retryable)


def _killed(number: int) -> Failure:
    by_kernel = number == _SIGKILL
    memory = " The kernel does this to a process when memory runs out." if by_kernel else ""
    return Failure(
        reason=Reason.RANK_KILLED,
        message=f"a rank was killed by signal {number}.{memory}",
        remedy=_LOWER_MEMORY if by_kernel else "See the log of the attempt.",
        retryable=True,
    )
