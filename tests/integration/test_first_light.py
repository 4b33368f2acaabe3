"""The whole way through the real service: registration, all stages, two kills, no process left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from wsmis_core.data.phantom import write_siim

WSMIS = Path(sys.executable).with_name("wsmis")
# A training that is long enough to be killed twice, and stages that are only as long as they must be.
SETTINGS = {
    "train_classifier.batch_size": 8,
    "train_classifier.max_steps": 120,
    "train_irnet.max_steps": 2,
    "make_pseudo_labels.local": "{max_steps: 2}",
    "train_segmenter.max_steps": 2,
    "train_ceiling.max_steps": 2,
}


class Service:
    """A running `wsmis up` and the ways to talk to it."""

    def __init__(self, home: Path, data: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "WSMIS_HOME": str(home), "WSMIS_LEASE_SECONDS": "4"}
        command = [str(WSMIS), "up", "--home", str(home), "--port", "0", "--data-root", str(data)]
        with (home.parent / "up.log").open("w") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def wsmis(self, *arguments: object) -> Any:
        done = subprocess.run(
            [WSMIS, *map(str, arguments), "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout)

    def await_event(self, job: str, matches: Callable[[dict[str, Any]], bool]) -> None:
        """Return when the job says an event that matches; its stream ends with the job."""
        url = (self.home / "url").read_text().strip()
        key = (self.home / "api-key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        with httpx.stream("GET", f"{url}/jobs/{job}/events", headers=headers, timeout=120) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and matches(json.loads(line.removeprefix("data:"))):
                    return
        pytest.fail(f"{job} ended without such an event")

    def processes(self) -> list[psutil.Process]:
        """All processes that belong to this service, its ranks among them."""
        return [process for process in psutil.process_iter() if _home_of(process) == str(self.home)]


def _home_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("WSMIS_HOME")
    except psutil.Error:
        return None


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    data, home = tmp_path / "data", tmp_path / "home"
    write_siim(data, patients=36, seed=3, size=128)
    home.mkdir()
    running = Service(home, data)
    try:
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(timeout=60)


def rank_of(service: Service, job: str) -> psutil.Process:
    """The process that trains: torchrun's child."""
    for process in service.processes():
        command = process.cmdline()
        if "wsmis_core" in command and "torch.distributed.run" not in command and job in command[-1]:
            return process
    raise AssertionError(f"no rank of {job} runs")


def worker_of(service: Service) -> psutil.Process:
    """Celery's main process."""
    workers = [
        process
        for process in service.processes()
        if process.cmdline()[-2:] == ["-m", "services.worker"] and process.ppid() == service.process.pid
    ]
    (worker,) = workers
    return worker


@pytest.mark.timeout(900)
def test_labels_go_in_and_masks_come_out_whatever_is_killed_on_the_way(
    service: Service, tmp_path: Path
) -> None:
    _wait_for(service, service.home / "url")
    dataset = service.wsmis("datasets", "add", "films", tmp_path / "data", "--format", "siim", "--wait")
    assert dataset["status"] == "ready"
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    pipeline = service.wsmis("run", "smoke", "films", *settings)
    classifier = next(job["id"] for job in pipeline["jobs"] if job["step"] == "train_classifier")

    service.await_event(classifier, lambda event: event["type"] == "checkpoint")
    rank_of(service, classifier).kill()
    service.await_event(classifier, lambda event: event["type"] == "checkpoint" and event["attempt"] == 2)
    worker_of(service).kill()

    done = service.wsmis("watch", pipeline["id"])
    assert done["status"] == "succeeded"
    jobs = {job["step"]: job for job in done["jobs"]}
    outcomes = [attempt["outcome"] for attempt in jobs["train_classifier"]["attempts"]]
    assert len(outcomes) == 3
    assert outcomes[-1] == "succeeded"
    assert jobs["train_classifier"]["progress"]["done"] == 120
    _check_results(service, jobs, tmp_path)
    assert (service.home / "runs" / classifier / "attempt-1" / "torchrun").is_dir()

    again = service.wsmis("run", "smoke", "films", *settings)
    assert again["status"] == "succeeded"
    assert all(job["cached"] for job in again["jobs"])

    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(timeout=60) == 0
    assert service.processes() == []


def _wait_for(service: Service, path: Path) -> None:
    log = service.home.parent / "up.log"
    while not path.exists():
        assert service.process.poll() is None, log.read_text()


def _check_results(service: Service, jobs: dict[str, Any], folder: Path) -> None:
    """Every step is scored on the test split, and every test image has a mask of its own size."""
    service.wsmis("artifacts", jobs["evaluate"]["id"], "--download", folder / "report")
    steps = json.loads((folder / "report" / "report.json").read_text())["steps"]
    assert set(steps) == {"cams", "ir_labels", "pseudo_labels", "segmenter", "ceiling"}
    for scores in steps.values():
        assert 0 <= scores["dice_positives"] <= 1
        assert scores["images"] == steps["cams"]["images"] > 0
    with Image.open(folder / "report" / "overlays.png") as sheet:
        assert sheet.width > 500
    service.wsmis("artifacts", jobs["predict"]["id"], "--download", folder / "masks")
    masks = list((folder / "masks").rglob("*.png"))
    assert len(masks) >= steps["cams"]["images"]
    for path in masks:
        with Image.open(path) as mask:
            pixels = np.asarray(mask)
        assert pixels.shape == (128, 128)
        assert set(np.unique(pixels)) <= {0, 1}
