"""`wsmis convert-config`: what it writes can be submitted as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.client.command import app
from wsmis_core.spec import make_params

CONFIGS = Path(__file__).parents[1] / "data" / "wsmis_configs"
INPUTS = {
    "classifier": [],
    "pneumothorax_classifier": [],
    "maps": ["classifier"],
    "segmenter": ["pseudo_labels"],
    "crf_segmenter": ["pseudo_labels"],
    "pneumothorax_segmenter": ["pseudo_labels"],
    "evaluation": ["segmenter"],
}


def convert(*words: str, status: int = 0) -> Any:
    result = CliRunner().invoke(app, ["convert-config", *words], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize("name", INPUTS)
def test_what_it_writes_is_a_request(tmp_path: Path, name: str) -> None:
    target = tmp_path / "request.yaml"
    said = convert(str(CONFIGS / f"{name}.yaml"), "-o", str(target)).stderr
    text = target.read_text()
    request = yaml.safe_load(text)
    assert make_params(request["stage"], request["params"], dict.fromkeys(INPUTS[name]))
    for role in INPUTS[name]:
        assert f"--input {role}=JOB" in text.splitlines()[1]
    told = json.loads(convert(str(CONFIGS / f"{name}.yaml"), "--json").stdout)
    assert {"stage": told["stage"], "params": told["params"]} == request
    assert told["notes"]
    for note in told["notes"]:
        assert f"{note['key']}: {note['why']}" in said
        assert f"#   {note['key']}: {note['why']}" in text


def test_a_key_or_a_name_never_becomes_yaml_of_the_request(tmp_path: Path) -> None:
    config = yaml.safe_load((CONFIGS / "evaluation.yaml").read_text())
    evil = ["a\nparams: {seed: 7}", "b\x1b[31m", "c\u2028seed", "d\rstage"]
    config |= dict.fromkeys(evil, 1)
    file = tmp_path / "odd\nstage: predict\x1b.yaml"
    file.write_text(yaml.safe_dump(config))
    text = convert(str(file)).stdout
    assert yaml.safe_load(text) == {"stage": "evaluate", "params": {"batch_size": 2}}
    assert text.replace("\n", "").isprintable()
    assert r"#   a\nparams: {seed: 7}: no such key is known" in text.splitlines()
    assert {note["key"] for note in json.loads(convert(str(file), "--json").stdout)["notes"]} >= set(evil)


def test_without_a_target_the_request_is_the_output() -> None:
    shown = convert(str(CONFIGS / "evaluation.yaml"))
    assert yaml.safe_load(shown.stdout) == {"stage": "evaluate", "params": {"batch_size": 2}}
    assert shown.stderr == ""


def test_a_file_that_is_no_config_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("task: segmentaton")
    told = convert(str(file), status=2).stderr
    assert "task: 'segmentaton' has no counterpart here." in told
    assert "Did you mean segmentation?" in told
    assert "No such file" in convert(str(tmp_path / "nothing.yaml"), status=2).stderr
