"""`wsmis import-weights` against the real API, and against one that has a single data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.jobs import Status, fail, find_dataset, list_jobs
from tests.client.beside import beside
from wsmis_core.spec import Failure

FAILED, WRONG_USE = 1, 2


@pytest.fixture
def weights(real: Any, request: pytest.FixtureRequest) -> Path:
    """A file below the data root."""
    path: Path = real.data / f"{request.node.name}.h5"
    path.write_bytes(b"weights")
    return path


def work(real: Any, dataset: str, end: Callable[[Any], object]) -> bool:
    """Ends the data set's job, once there is one."""
    with real.database.reading() as session:
        found = find_dataset(session, dataset)
        assert found is not None
        jobs = list_jobs(session, dataset=found.id, statuses=[Status.QUEUED], limit=1)
    for job in jobs:
        end(real.claim(job.id))
    return bool(jobs)


@pytest.mark.parametrize(
    ("kind", "words", "params"),
    [
        ("classifier", ["--arch", "resnet50_oaa", "--set", "image_size=352"], {"arch": "resnet50_oaa"}),
        ("irnet", [], {"trunk": "file"}),
        (
            "segmenter",
            ["--encoder", "se_resnext50_32x4d", "--set", "loss=cross_entropy"],
            {"arch": "unet", "encoder": "se_resnext50_32x4d"},
        ),
    ],
)
def test_a_file_becomes_a_job_of_no_epochs(
    real: Any, wsmis: Any, dataset: str, weights: Path, kind: str, words: list[str], params: dict[str, Any]
) -> None:
    with beside(work, real, dataset, real.succeed):
        told = wsmis("import-weights", str(weights), "--as", kind, "--dataset", dataset, *words, "--json")
    made = json.loads(told.stdout)
    assert (made["stage"], made["status"], made["name"]) == (f"train_{kind}", "succeeded", weights.name)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert made["params"]["weights"] == {"file": str(weights), "part": "all", "sha256": digest}
    assert made["params"]["epochs"] == 0
    assert made["params"].items() >= params.items()
    assert made["id"] in wsmis("artifacts", made["id"]).stdout


def test_what_does_not_fit_ends_with_1(real: Any, wsmis: Any, dataset: str, weights: Path) -> None:
    failure = Failure(
        reason="invalid_weights",
        message="it does not fit; missing: conv1.weight.",
        field="params.weights.file",
        remedy="Give the file of this very model.",
    )

    def end(claim: Any) -> None:
        with real.database.writing() as session:
            fail(session, claim, failure)

    with beside(work, real, dataset, end):
        words = ["--as", "segmenter", "--dataset", dataset]
        told = wsmis("import-weights", str(weights), *words, status=FAILED).stdout
    for part in (failure.message, failure.field, failure.remedy):
        assert str(part) in told


def test_a_file_elsewhere_is_told_with_the_data_roots(
    real: Any, wsmis: Any, dataset: str, tmp_path: Path
) -> None:
    words = ["--as", "irnet", "--dataset", dataset]
    told = wsmis("import-weights", str(tmp_path / "irn.pth"), *words, status=WRONG_USE).stderr
    assert f"params.weights.file: {tmp_path / 'irn.pth'} is not an absolute path below a data root." in told
    assert f"The data roots are {real.data}." in told


@pytest.mark.parametrize("word", ["epochs=3", "weights.part=trunk"])
def test_what_makes_it_an_import_is_no_setting(wsmis: Any, word: str) -> None:
    words = ["--as", "classifier", "--dataset", "d", "--set", word]
    assert "wsmis submit" in wsmis("import-weights", "f.pth", *words, status=WRONG_USE).stderr


def test_several_data_sets_are_named(real: Any, wsmis: Any, dataset: str) -> None:
    real.dataset("another")
    told = wsmis("import-weights", "f.pth", "--as", "classifier", status=WRONG_USE).stderr
    assert "--dataset: the service has several data sets." in told
    assert dataset in told
    assert "another" in told


def test_the_only_data_set_is_taken(service: Any, wsmis: Any) -> None:
    def listed(*statuses: str) -> None:
        items = [
            {"id": f"ds_{place}", "name": f"d{place}", "status": one} for place, one in enumerate(statuses)
        ]
        service.says("GET /datasets", {"items": items, "next": None})

    call = ["import-weights", "f.pth", "--as", "classifier", "--url", service.url]
    listed("invalid")
    assert "no data set that is ready" in wsmis(*call, status=WRONG_USE).stderr
    listed("invalid", "ready")
    refusal = {"problems": [{"field": "dataset", "message": "heard.", "remedy": None}]}
    service.says("POST /jobs", refusal, status=422)
    wsmis(*call, status=WRONG_USE)
    assert json.loads(service.heard[-1][2])["dataset"] == "ds_1"
