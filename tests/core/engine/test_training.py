"""The loop under torchrun: ranks, resume, best, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from wsmis_core.spec import RunSpec
from wsmis_core.spec.parts import Optimizer
from wsmis_core.spec.stages import ClassifierRates, TrainClassifier

PROGRAM = Path(__file__).with_name("toy_program.py")
RATES = ClassifierRates(trunk_weights=0.05, trunk_biases=0.02, head_weights=0.05, head_biases=0.01)


def prepare(
    folder: Path,
    *,
    dropout: float = 0.0,
    die_at_step: int | None = None,
    die_at_validation: int | None = None,
    previous: Sequence[Path] = (),
    **params: Any,
) -> Path:
    folder.mkdir()
    given = {
        "epochs": 3,
        "batch_size": 5,
        "keep": "last",
        "optimizer": Optimizer(name="adam"),
        "rates": RATES,
    }
    spec = RunSpec(
        job="toy",
        attempt=1 + len(previous),
        params=TrainClassifier(**{**given, **params}),
        cache=folder,
        previous=tuple(previous),
    )
    (folder / "spec.json").write_text(spec.model_dump_json())
    settings = {"dropout": dropout, "die_at_step": die_at_step, "die_at_validation": die_at_validation}
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


def start(folder: Path, *, ranks: int = 1) -> subprocess.Popen[bytes]:
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={ranks}",
        "--max-restarts=0",
    ]
    with (folder / "log.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, *(torchrun if ranks > 1 else []), str(PROGRAM), str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def run(folder: Path, *, ranks: int = 1) -> int:
    return start(folder, ranks=ranks).wait(timeout=120)


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [line["values"] for line in lines if line["type"] == "metric"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(folder / "weights.pt", weights_only=True)
    return loaded


def test_two_ranks_train_as_one_with_the_whole_batch(tmp_path: Path) -> None:
    alone, together = prepare(tmp_path / "alone"), prepare(tmp_path / "together")
    assert run(alone) == 0
    assert run(together, ranks=2) == 0
    assert len(metrics(alone)) == 3
    for one, two in zip(metrics(alone), metrics(together), strict=True):
        assert (
            one.keys()
            == two.keys()
            == {
                "train_loss",
                "train_masked",
                "train_plain",
                "val_loss",
                "val_accuracy",
            }
        )
        for name in one:
            assert two[name] == pytest.approx(one[name], rel=1e-9, abs=1e-9)
    for name, tensor in weights(alone).items():
        torch.testing.assert_close(weights(together)[name], tensor, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("die_at_step", "ranks"), [(7, 1), (12, 2)])
def test_a_killed_and_resumed_training_ends_with_the_same_bytes(
    tmp_path: Path, die_at_step: int, ranks: int
) -> None:
    whole = prepare(tmp_path / "whole", dropout=0.3)
    killed = prepare(tmp_path / "killed", dropout=0.3, die_at_step=die_at_step)
    resumed = prepare(tmp_path / "resumed", dropout=0.3, previous=[killed])
    assert run(whole, ranks=ranks) == 0
    assert run(killed, ranks=ranks) != 0
    assert not (killed / "weights.pt").exists()
    assert run(resumed, ranks=ranks) == 0
    done = [json.loads(line) for line in (resumed / "events.jsonl").read_text().splitlines()]
    assert "Going on from the checkpoint of step" in done[0]["message"]
    for name, tensor in weights(whole).items():
        assert torch.equal(weights(resumed)[name], tensor), name
    assert (resumed / "figures.json").read_text() == (whole / "figures.json").read_text()


def test_a_checkpoint_in_the_middle_of_an_epoch_is_gone_on_from(tmp_path: Path) -> None:
    whole = prepare(tmp_path / "whole")
    killed = prepare(tmp_path / "killed", die_at_step=3, checkpoint_seconds=1e-9)
    resumed = prepare(tmp_path / "resumed", previous=[killed])
    assert run(whole) == 0
    assert run(killed) != 0
    assert [path.name for path in sorted((killed / "checkpoints").iterdir())] == [
        "step-00000002",
        "step-00000003",
    ]
    assert run(resumed) == 0
    assert (resumed / "figures.json").read_text() == (whole / "figures.json").read_text()


def test_a_training_killed_behind_its_last_step_still_finishes_the_epoch(tmp_path: Path) -> None:
    whole = prepare(tmp_path / "whole", keep="best")
    killed = prepare(tmp_path / "killed", keep="best", checkpoint_seconds=1e-9, die_at_validation=3)
    resumed = prepare(tmp_path / "resumed", keep="best", previous=[killed])
    assert run(whole) == 0
    assert run(killed) != 0
    assert (killed / "checkpoints" / "step-00000015").exists()
    assert run(resumed) == 0
    assert (resumed / "figures.json").read_text() == (whole / "figures.json").read_text()
    for name, tensor in weights(whole).items():
        assert torch.equal(weights(resumed)[name], tensor), name


def test_an_attempt_killed_before_its_first_checkpoint_loses_nothing(tmp_path: Path) -> None:
    rates = ClassifierRates(trunk_weights=5, trunk_biases=5, head_weights=5, head_biases=5)
    given: dict[str, Any] = {"keep": "best", "epochs": 6, "rates": rates}
    first = prepare(tmp_path / "first", die_at_step=27, **given)
    second = prepare(tmp_path / "second", die_at_step=26, previous=[first], **given)
    third = prepare(tmp_path / "third", previous=[second, first], **given)
    assert run(first) != 0
    assert run(second) != 0
    adopted = [path.name for path in (second / "checkpoints").iterdir()]
    assert len(adopted) == 1  # the best epoch, which is not the newest
    assert adopted != ["step-00000025"]
    assert run(third) == 0
    said = json.loads((third / "events.jsonl").read_text().splitlines()[0])["message"]
    assert "step 25" in said


def test_a_batch_smaller_than_the_ranks_trains(tmp_path: Path) -> None:
    alone, together = (prepare(tmp_path / name, batch_size=3) for name in ("alone", "together"))
    assert run(alone) == 0
    assert run(together, ranks=3) == 0  # two of the eight batches have two images
    for one, two in zip(metrics(alone), metrics(together), strict=True):
        # The image that fills the gap has its part in batch statistics, and none in the loss.
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=0.02)


def test_sigterm_stops_behind_a_checkpoint(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "run", epochs=10_000)
    process = start(folder, ranks=2)
    while not (folder / "checkpoints").exists():
        assert process.poll() is None, (folder / "log.txt").read_text()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events[-1]["type"] == "checkpoint"
    assert events[-1]["step"] < 10_000 * 5


@pytest.mark.parametrize("keep", ["best", "val_accuracy"])
def test_the_best_epoch_is_kept_not_the_last(tmp_path: Path, keep: str) -> None:
    rates = ClassifierRates(trunk_weights=5, trunk_biases=5, head_weights=5, head_biases=5)
    folder = prepare(tmp_path / "run", keep=keep, epochs=6, rates=rates)
    assert run(folder) == 0
    told = metrics(folder)
    losses = [values["val_loss"] if keep == "best" else -values["val_accuracy"] for values in told]
    best = losses.index(min(losses))
    assert best < 5
    assert json.loads((folder / "figures.json").read_text()) == told[best]
    state = json.loads((folder / "checkpoints" / "step-00000030" / "state.json").read_text())["training"]
    assert state["best_step"] == (best + 1) * 5
    from safetensors.torch import load_file

    kept = load_file(folder / "checkpoints" / f"step-{state['best_step']:08d}" / "model.safetensors")
    assert all(torch.equal(weights(folder)[name], tensor) for name, tensor in kept.items())


def test_a_figure_to_keep_by_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "run", keep="val_f1", epochs=1)
    assert run(folder) != 0
    assert "params.keep: There is no val_f1" in (folder / "log.txt").read_text()


def test_a_loss_that_is_no_number_is_told(tmp_path: Path) -> None:
    rates = ClassifierRates(trunk_weights=100, trunk_biases=100, head_weights=100, head_biases=100)
    folder = prepare(tmp_path / "run", rates=rates, epochs=50, optimizer=Optimizer(name="sgd"))
    assert run(folder) != 0
    assert "DivergedError" in (folder / "log.txt").read_text()


def test_fewer_images_a_step_than_ranks_is_refused(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "run", batch_size=1)
    assert run(folder, ranks=2) != 0
    assert "1 images cannot be shared by 2 ranks" in (folder / "log.txt").read_text()
