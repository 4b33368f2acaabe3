"""What the compose files and the Dockerfile promise: nothing runs as root, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SECRETS = {"WSMIS_DATA": "/data", "WSMIS_POSTGRES_PASSWORD": "a", "WSMIS_REDIS_PASSWORD": "b"}


def services() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return made


def config(*files: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    chosen = [word for file in files for word in ("-f", file)]
    command = [docker, "compose", "--env-file", "/dev/null", *chosen, "config", "--format", "json"]
    passed = {name: value for name, value in os.environ.items() if not name.startswith("WSMIS_")}
    return subprocess.run(command, cwd=ROOT, env=passed | environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", sorted(services()))
def test_every_container_is_hardened(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["restart"] in {"unless-stopped", "on-failure:3"}
    assert service["image"].startswith("wsmis-") or service["user"] in {"postgres", "redis"}


def test_the_images_run_as_a_number_that_is_not_root() -> None:
    dockerfile = (ROOT / "Dockerfile.gpu").read_text()
    stages = re.split(r"^FROM ", dockerfile, flags=re.MULTILINE)[1:]
    assert [stage.splitlines()[0].split(" AS ")[1] for stage in stages] == [
        "base",
        "package",
        "api",
        "worker",
    ]
    assert all("USER ${WSMIS_UID}" in stage for stage in stages[2:])
    assert re.search(r"^ARG WSMIS_UID=[1-9]\d+$", dockerfile, flags=re.MULTILINE)
    assert "# syntax=" not in dockerfile


def test_the_worker_s_stop_is_longer_than_its_drain() -> None:
    def default(text: str) -> int:
        found = re.fullmatch(r"\$\{\w+:-(\d+)s?\}", text)
        assert found is not None, text
        return int(found[1])

    worker = services()["worker"]
    assert default(worker["stop_grace_period"]) > default(worker["environment"]["WSMIS_DRAIN_SECONDS"])


def test_the_queue_survives_a_restart() -> None:
    command = " ".join(services()["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_data_is_mounted_read_only_and_in_the_worker_alone() -> None:
    mounts = {
        name: [mount for mount in service["volumes"] if isinstance(mount, dict)]
        for name, service in services().items()
    }
    assert [(name, mount["read_only"]) for name, found in mounts.items() for mount in found] == [
        ("worker", True)
    ]


def test_with_a_gpu_the_worker_reserves_all_of_them() -> None:
    told = config("docker-compose.yml", environment=SECRETS)
    assert told.returncode == 0, told.stderr
    worker = json.loads(told.stdout)["services"]["worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", -1, ["gpu"])


def test_without_a_gpu_nothing_is_reserved() -> None:
    told = config("docker-compose.yml", "docker-compose.cpu.yml", environment=SECRETS)
    assert told.returncode == 0, told.stderr
    assert not json.loads(told.stdout)["services"]["worker"].get("deploy")


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_what_is_missing_is_named(missing: str) -> None:
    told = config(
        "docker-compose.yml",
        environment={name: value for name, value in SECRETS.items() if name != missing},
    )
    assert told.returncode != 0
    assert f"put {missing} into .env" in told.stderr
