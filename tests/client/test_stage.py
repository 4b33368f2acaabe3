"""`wsmis stage`: what is wrong is told before torch starts, what fails after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.client.command import app

FAILED, WRONG_USE = 1, 2


def stage(file: Path, folder: Path, *words: str, status: int) -> tuple[str, str]:
    command = ["stage", str(file), "--run-dir", str(folder), *words]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout, result.stderr


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (None, "spec.yaml"),
        ("a: [", "spec.yaml"),
        ("{stage: train_clasifier}", "stage"),
        ("{stage: train_classifier, parms: {}}", "parms"),
        ("{stage: train_classifier, params: {epochs: 0}}", "params.epochs"),
        ("{stage: extract_cams}", "inputs.classifier"),
        ("{stage: train_classifier, dataset: {format: simm, root: /d}}", "format"),
    ],
)
def test_wrong_use_names_the_field(tmp_path: Path, text: str | None, field: str) -> None:
    file = tmp_path / "spec.yaml"
    if text is not None:
        file.write_text(text)
    _, told = stage(file, tmp_path / "run", status=WRONG_USE)
    assert f"{field}: " in told
    assert not (tmp_path / "run").exists()


def test_a_failure_is_told_with_its_reason_and_leaves_nothing_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    file = tmp_path / "spec.yaml"
    file.write_text(f"{{stage: train_classifier, dataset: {{format: siim, root: {tmp_path / 'nowhere'}}}}}")
    told, _ = stage(file, tmp_path / "run", "--json", status=FAILED)
    failure = json.loads(told)
    assert failure["reason"] == "invalid_data"
    assert "nowhere" in failure["message"] + (failure["field"] or "")
    assert list(temporary.glob("torchelastic_*")) == []
