"""One process at work: the order of jobs, what does not fit, and what it announces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.jobs import NotConfigured, Status
from services.worker.host import Host
from services.worker.settings import WorkerSettings
from services.worker.shift import Shift
from services.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from tests.worker.conftest import Service


def shift(service: Service, published: list[str]) -> Shift:
    database, settings = service.database, service.settings
    return Shift(
        database,
        settings,
        Host(settings.home, gpus=()),
        Supervisor(database, settings, draining=lambda: False, ranks=service.ranks.command),
        draining=lambda: False,
        publish=published.append,
    )


def test_the_best_first_until_none_fits(service: Service) -> None:
    """Two GPUs are not to be had here: that job stays queued, and holds nobody up."""
    low, high = service.submit("finish"), service.submit("finish", priority=5)
    unfit = service.submit("finish", priority=9, resources={"gpus": 2})
    published: list[str] = []
    waiting = service.submit("finish", stage="extract_cams", inputs={"classifier": low})
    shift(service, published).work()
    first, second = service.job(high).started, service.job(low).started
    assert first is not None
    assert second is not None
    assert first < second
    assert service.job(unfit).status is Status.QUEUED
    assert service.job(low).status is Status.SUCCEEDED
    assert published == [waiting]  # for other hosts; this one has gone on with it
    assert service.job(waiting).status is Status.SUCCEEDED


def test_a_full_host_takes_nothing(service: Service) -> None:
    job = service.submit("finish")
    slot = Host(service.settings.home, gpus=()).take_slot()
    assert slot is not None
    shift(service, []).work()
    assert service.job(job).status is Status.QUEUED
    slot.release()


def test_slots_are_checked() -> None:
    assert WorkerSettings.from_environment({"WSMIS_SLOTS": "3"}).slots == 3
    with pytest.raises(NotConfigured) as error:
        WorkerSettings.from_environment({"WSMIS_SLOTS": "none"})
    assert error.value.field == "WSMIS_SLOTS"
