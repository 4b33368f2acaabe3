"""Slots and GPU locks; NVML's answers are put in by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.jobs import Claim
from services.worker import host as host_module
from services.worker.gpus import Gpu, visible
from services.worker.host import Host

GPUS = tuple(Gpu(uuid=f"GPU-{name}", index=index, name="H100", memory=80) for index, name in enumerate("abc"))


def claim(gpus: int) -> Claim:
    return Claim(
        job="job_1", attempt=1, worker="w", stage="predict", gpus=gpus, processes=max(1, gpus), max_attempts=3
    )


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "problem", lambda _: None)


def test_a_slot_a_gpu_and_one_without(tmp_path: Path) -> None:
    assert Host(tmp_path, gpus=()).slots == 1
    assert Host(tmp_path, gpus=GPUS).slots == 3
    assert Host(tmp_path, gpus=GPUS, slots=2).slots == 2


def test_slots_are_taken_and_given_back(tmp_path: Path) -> None:
    host = Host(tmp_path, gpus=(), slots=2)
    first, second = host.take_slot(), host.take_slot()
    assert first is not None
    assert second is not None
    assert host.take_slot() is None
    first.release()
    assert host.take_slot() is not None


@pytest.mark.usefixtures("well")
def test_gpus_are_locked_while_the_job_runs(tmp_path: Path) -> None:
    """The first job takes two of three, the second sees one, and a third none."""
    host, asked = Host(tmp_path, gpus=GPUS), []

    def claim_next(gpus: int | None, free: int, total: int) -> Claim | None:
        asked.append((free, total))
        return None if gpus is None else claim(gpus)

    with host.placed(lambda free, total: claim_next(2, free, total)) as first:
        assert first is not None
        assert [gpu.uuid for gpu in first.gpus] == ["GPU-a", "GPU-b"]
        with host.placed(lambda free, total: claim_next(1, free, total)) as second:
            assert second is not None
            assert [gpu.uuid for gpu in second.gpus] == ["GPU-c"]
            with host.placed(lambda free, total: claim_next(None, free, total)) as third:
                assert third is None
    with host.placed(lambda free, total: claim_next(None, free, total)):
        pass
    assert asked == [(3, 3), (1, 3), (0, 3), (3, 3)]


def test_a_gpu_that_does_not_answer_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "problem", lambda gpu: "GPU is lost" if gpu.uuid == "GPU-a" else None)
    with Host(tmp_path, gpus=GPUS).placed(lambda free, _: claim(free)) as placed:
        assert placed is not None
        assert [gpu.uuid for gpu in placed.gpus] == ["GPU-b", "GPU-c"]


@pytest.mark.usefixtures("well")
def test_a_failing_claim_gives_the_gpus_back(tmp_path: Path) -> None:
    host = Host(tmp_path, gpus=GPUS)

    def out(_free: int, _total: int) -> Claim | None:
        raise ConnectionError

    with pytest.raises(ConnectionError), host.placed(out):
        pass
    with host.placed(lambda free, _: claim(free)) as placed:
        assert placed is not None
        assert len(placed.gpus) == 3


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, "abc"),
        ("", ""),
        ("2,0", "ca"),
        ("GPU-b", "b"),
        ("0,9,1", "a"),
        ("-1", ""),
        (" 1 , GPU-c", "bc"),
    ],
)
def test_cuda_visible_devices(setting: str | None, expected: str) -> None:
    assert [gpu.uuid.removeprefix("GPU-") for gpu in visible(GPUS, setting)] == list(expected)
