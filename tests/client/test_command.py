"""The `wsmis` command against the real API."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.jobs import Status, find_dataset, list_jobs
from tests.client.beside import beside
from wsmis_core.spec import recipes

FAILED, WRONG_USE, NO_SERVICE = 1, 2, 3


def submit(wsmis: Any, *words: str) -> Any:
    """A submitted job that needs no input."""
    return json.loads(
        wsmis("submit", "train_segmenter", "--set", "targets=true_masks", *words, "--json").stdout
    )


def test_a_data_set_is_registered_listed_and_shown(real: Any, wsmis: Any) -> None:
    root = real.data / "shown"
    root.mkdir()
    told = json.loads(
        wsmis(
            "datasets", "add", "shown", str(root), "--format", "siim", "--option", "rle=rle.csv", "--json"
        ).stdout
    )
    assert (told["status"], told["options"]["rle"]) == ("validating", "rle.csv")
    with real.database.writing() as session:
        real.validated(told["id"], session)
    assert "shown" in [found["name"] for found in json.loads(wsmis("datasets", "--json").stdout)]
    assert "shown" in wsmis("datasets").stdout
    text = wsmis("datasets", "show", "shown").stdout
    assert "train 2, test 1" in text
    assert "it is cut off." in text
    assert "Copy it again." in text


def test_waiting_for_a_registration(real: Any, wsmis: Any) -> None:
    root = real.data / "waited"
    root.mkdir()
    with beside(_validate, real, "waited", usable=False):
        told = wsmis("datasets", "add", "waited", str(root), "--format", "siim", "--wait", status=FAILED)
    assert "invalid" in told.stdout


def _validate(real: Any, name: str, *, usable: bool) -> bool:
    with real.database.writing() as session:
        found = find_dataset(session, name)
        if found is not None:
            real.validated(found.id, session, usable=usable)
    return found is not None


def test_a_refusal_names_field_and_remedy(real: Any, wsmis: Any) -> None:
    told = wsmis("datasets", "add", "away", "/etc", "--format", "siim", status=WRONG_USE)
    assert told.stdout == ""
    assert "root: /etc is not an absolute path below a data root." in told.stderr
    assert str(real.data) in told.stderr
    told = wsmis("datasets", "add", "away", "/etc", "--format", "siim", "--json", status=WRONG_USE)
    assert json.loads(told.stderr)["problems"][0]["field"] == "root"


def test_every_bad_param_of_a_recipe_is_told(wsmis: Any, dataset: str) -> None:
    words = ["--set", "train_classifier.epochs=-1", "--set", "train_classifer.seed=1", "--set", "*.sead=1"]
    told = wsmis("run", "smoke", dataset, *words, status=WRONG_USE)
    for field in ("params.train_classifier.epochs", "params.train_classifer", "params.*.sead"):
        assert f"{field}: " in told.stderr
    assert "Did you mean train_classifier?" in told.stderr


def test_a_wrong_word_is_wrong_use_without_a_service(wsmis: Any) -> None:
    wsmis("run", "smoke", "d", "--set", "epochs=1", status=WRONG_USE)
    wsmis("nothing", status=WRONG_USE)
    wsmis("datasets", "--json", "show", "d", status=WRONG_USE)


def test_the_help_of_run_names_every_recipe(wsmis: Any) -> None:
    shown = wsmis("run", "--help").output
    assert set(recipes()) <= set(re.findall(r"\w+", shown))


def test_no_service_has_its_own_status(wsmis: Any, unused_url: str) -> None:
    told = wsmis("jobs", "--url", unused_url, status=NO_SERVICE)
    assert unused_url in told.stderr


@pytest.mark.usefixtures("real")
def test_a_missing_key_is_told(wsmis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSMIS_API_KEY")
    assert "key" in wsmis("jobs", status=WRONG_USE).stderr


def test_service_and_key_are_found_in_the_home(
    real: Any, wsmis: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WSMIS_URL")
    monkeypatch.delenv("WSMIS_API_KEY")
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path))
    (tmp_path / "url").write_text(real.url + "\n")
    (tmp_path / "api-key").write_text(real.key + "\n")
    wsmis("jobs")


def test_a_pipeline_runs_to_its_end_with_progress(real: Any, wsmis: Any, dataset: str) -> None:
    with beside(_work, real, dataset):
        told = wsmis("run", "smoke", dataset, "--name", dataset, "--set", "*.seed=7", "--wait", "--json")
    made = json.loads(told.stdout)
    assert made["status"] == "succeeded"
    assert {job["params"]["seed"] for job in made["jobs"]} == {7}
    assert "train_classifier: succeeded" in told.stderr
    again = json.loads(wsmis("run", "smoke", dataset, "--set", "*.seed=7", "--wait", "--json").stdout)
    assert all(job["cached"] for job in again["jobs"])
    text = wsmis("pipeline", again["id"]).stdout
    assert "cached" in text
    assert "f1 0.5" in text
    assert again["id"] in wsmis("pipelines").stdout
    wsmis("watch", again["id"])


def _work(real: Any, dataset: str) -> bool:
    """Does the data set's jobs that are due; whether all are done."""
    with real.database.reading() as session:
        jobs = list_jobs(session, dataset=find_dataset(session, dataset).id, limit=100)  # type: ignore[union-attr]  # it is there
    for job in jobs:
        if job.status is Status.QUEUED:
            real.succeed(real.claim(job.id))
    return bool(jobs) and all(job.status is Status.SUCCEEDED for job in jobs)


def test_a_failed_job_ends_the_waiting_with_1(real: Any, wsmis: Any, dataset: str) -> None:
    submitted = submit(wsmis, "--dataset", dataset, "--name", "fails")
    real.fail(real.claim(submitted["id"]))
    told = wsmis("watch", submitted["id"], status=FAILED)
    assert "diverged: the loss is NaN." in told.stdout
    assert "Lower the rates." in told.stdout
    assert json.loads(wsmis("job", submitted["id"], "--json").stdout)["status"] == "failed"
    listed = json.loads(wsmis("jobs", "--status", "failed", "--dataset", dataset, "--json").stdout)
    assert [job["id"] for job in listed] == [submitted["id"]]
    assert "queued" in wsmis("retry", submitted["id"]).stdout
    assert "cancelled" in wsmis("cancel", submitted["id"]).stdout
    wsmis("cancel", submitted["id"], status=WRONG_USE)


def test_a_pipeline_stops_at_a_gate_and_goes_on_under_a_lower_one(
    real: Any, wsmis: Any, dataset: str
) -> None:
    words = ["--set", f"*.seed={len(dataset)}", "--min-score", "train_classifier.val_f1=0.6"]
    made = json.loads(wsmis("run", "smoke", dataset, *words, "--json").stdout)
    classifier = next(job["id"] for job in made["jobs"] if job["step"] == "train_classifier")
    real.succeed(real.claim(classifier), {"model.bin": b"weights"})
    ceiling = next(job["id"] for job in made["jobs"] if job["step"] == "train_ceiling")
    assert json.loads(wsmis("job", ceiling, "--json").stdout)["status"] == "skipped"
    told = wsmis("watch", made["id"], status=FAILED).stdout
    assert "train_classifier: below_min_score: val_f1 is 0.5, below the min_score of 0.6." in told
    assert f"wsmis retry {classifier} --min-score val_f1=LEAST" in told
    assert "model.bin" in wsmis("artifacts", classifier).stdout
    assert "min_score.val_f1" in wsmis("retry", classifier, status=WRONG_USE).stderr
    wsmis("retry", made["id"], "--min-score", "val_f1=0.5", status=WRONG_USE)
    assert "running" in wsmis("retry", made["id"], "--min-score", "train_classifier.val_f1=0.5").stdout
    assert real.succeed(real.claim(classifier)).job == classifier
    assert json.loads(wsmis("job", ceiling, "--json").stdout)["status"] == "queued"


def test_a_single_job_with_a_gate(wsmis: Any, dataset: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("{min_score: {val_iou: 0.3, val_mean_iou: 0.9}}")
    words = ["-f", str(file), "--min-score", "val_iou=0.4", "--min-score", "val_mean_iou=null"]
    assert submit(wsmis, "--dataset", dataset, *words)["min_score"] == {"val_iou": 0.4}


def test_a_request_in_a_file_with_options_over_it(wsmis: Any, dataset: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        f"{{stage: train_segmenter, dataset: {dataset}, priority: 3, "
        "params: {targets: true_masks, epochs: 2}}"
    )
    made = json.loads(wsmis("submit", "-f", str(file), "--set", "epochs=5", "--gpus", "0", "--json").stdout)
    assert (made["priority"], made["params"]["epochs"], made["resources"]["gpus"]) == (3, 5, 0)


@pytest.mark.parametrize("text", ["a: [", "- 1", None])
def test_a_file_that_is_no_request(wsmis: Any, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "job.yaml"
    if text is not None:
        file.write_text(text)
    assert str(file) in wsmis("submit", "-f", str(file), status=WRONG_USE).stderr


def test_logs_whole_and_followed_over_attempts(real: Any, wsmis: Any, dataset: str) -> None:
    submitted = submit(wsmis, "--dataset", dataset)
    assert wsmis("logs", submitted["id"]).stdout == ""
    claim = real.claim(submitted["id"])
    real.log(claim, "first line\n")
    assert wsmis("logs", submitted["id"]).stdout == "first line\n"
    real.log(claim, "zweite Zeile: ü\n")
    real.succeed(claim)
    assert wsmis("logs", "-f", submitted["id"]).stdout == "first line\nzweite Zeile: ü\n"
    told = json.loads(wsmis("logs", "-f", submitted["id"], "--json").stdout)
    assert told == {"job": submitted["id"], "text": "first line\nzweite Zeile: ü\n"}
    assert "attempt 9" in wsmis("logs", submitted["id"], "--attempt", "9", status=WRONG_USE).stderr


def test_artifacts_are_listed_and_downloaded(real: Any, wsmis: Any, dataset: str, tmp_path: Path) -> None:
    submitted = submit(wsmis, "--dataset", dataset)
    wsmis("artifacts", submitted["id"], status=WRONG_USE)
    body = bytes(range(256)) * 5000
    real.succeed(real.claim(submitted["id"]), {"weights/a b.safetensors": body, "scores.json": b"{}"})
    assert "weights/a b.safetensors" in wsmis("artifacts", submitted["id"]).stdout
    folder = tmp_path / "out"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "a b.safetensors.part").write_bytes(body[:1000])
    told = json.loads(wsmis("artifacts", submitted["id"], "--download", str(folder), "--json").stdout)
    assert json.loads((folder / "manifest.json").read_text()) == told
    for entry in told["files"]:
        assert hashlib.sha256((folder / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]


def test_a_folder_that_cannot_be_written_is_told(real: Any, wsmis: Any, dataset: str, tmp_path: Path) -> None:
    submitted = submit(wsmis, "--dataset", dataset)
    real.succeed(real.claim(submitted["id"]), {"scores.json": b"{}"})
    (tmp_path / "file").touch()
    told = wsmis(
        "artifacts", submitted["id"], "--download", str(tmp_path / "file" / "below"), status=WRONG_USE
    )
    assert f"{tmp_path / 'file' / 'below'}: Not a directory." in told.stderr


def test_predictions_of_files_come_as_masks(real: Any, wsmis: Any, dataset: str, tmp_path: Path) -> None:
    segmenter = submit(wsmis, "--dataset", dataset)
    real.succeed(real.claim(segmenter["id"]))
    image = real.data / "new.dcm"
    image.touch()
    with beside(_predict, real):
        told = wsmis("predict", segmenter["id"], str(image), "-o", str(tmp_path / "masks"), "--json")
    assert json.loads(told.stdout)["masks"] == [str(tmp_path / "masks" / "new.png")]
    assert (tmp_path / "masks" / "new.png").read_bytes() == b"PNG"


def _predict(real: Any) -> bool:
    with real.database.reading() as session:
        jobs = list_jobs(session, stage="predict", statuses=[Status.QUEUED], limit=10)
    asked = [job for job in jobs if job.params["files"]]
    for job in asked:
        real.succeed(real.claim(job.id), {"masks/new.png": b"PNG", "table.csv": b""})
    return bool(asked)
