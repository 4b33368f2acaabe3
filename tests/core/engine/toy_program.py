"""A small training that torchrun starts: `toy_program.py RUN_DIR`; the spec says how long."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.engine import (
    VALIDATION_LOSS,
    LossSums,
    Ranks,
    RunContext,
    Task,
    Term,
    joined_ranks,
    open_events,
    stop_on_sigterm,
    train,
)
from wsmis_core.spec import RunSpec, validate
from wsmis_core.spec.stages import TrainClassifier


class Regression(Task):
    """A convolution, a batch norm and dropout; the mean of squares over a mask's cells."""

    def __init__(self, *, dropout: float) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Conv2d(4, 1, 1),
        ).double()

    @property
    def size(self) -> int:
        return 22

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        named = list(self.model.named_parameters())
        return {
            "trunk_weights": [value for name, value in named if name.startswith("0.w")],
            "trunk_biases": [value for name, value in named if name.startswith("0.b")],
            "head_weights": [value for name, value in named if name[0] in "14"],
            "head_biases": [],
        }

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        own = np.random.default_rng(index)
        image = own.normal(size=(1, 6, 5)) + rng.normal(scale=0.1, size=(1, 6, 5))
        weight = (own.random((1, 6, 5)) < 0.1 + 0.8 * index / 22).astype(float)
        return {
            "image": torch.from_numpy(image),
            "target": torch.from_numpy(np.roll(image, 1, axis=2)),
            "weight": torch.from_numpy(weight),
        }

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        errors = (model(batch["image"]) - batch["target"]).square() * batch["weight"]
        size = torch.tensor(float(len(errors)), dtype=torch.float64)
        return [
            Term("masked", errors.sum(), batch["weight"].sum(), weight=2.0, epsilon=1e-5),
            Term("plain", errors.sum(), size, weight=0.1),
        ]

    def validate(self, ranks: Ranks) -> dict[str, float]:
        """On eight samples, and on the first alone, which leaves a second rank without any."""
        losses = []
        for count in (8, 1):
            sums = LossSums()
            for index in ranks.share(count):
                example = self.example(index, np.random.default_rng(0))
                batch = {name: value[None] for name, value in example.items()}
                sums.add(self.terms(self.model, batch, step=0))
            losses.append(sums.loss(ranks))
        return {VALIDATION_LOSS: losses[0], "val_accuracy": 1 / (1 + losses[1])}


def main(folder: Path) -> None:
    """Train and write the weights and the figures."""
    settings = json.loads((folder / "settings.json").read_text())
    spec = validate(RunSpec, json.loads((folder / "spec.json").read_text()))
    params = spec.params
    assert isinstance(params, TrainClassifier)
    with (
        stop_on_sigterm() as stop,
        joined_ranks() as ranks,
        open_events(folder, speaks=ranks.is_main) as events,
    ):
        context = RunContext(spec=spec, folder=folder, ranks=ranks, events=events, stop=stop)
        task = Regression(dropout=settings["dropout"])
        if settings["die_at_step"] is not None:
            _die_at(task, settings["die_at_step"])
        if settings["die_at_validation"] is not None:
            _die_at_validation(task, settings["die_at_validation"])
        figures = train(
            task,
            params=params,
            rates=params.rates.model_dump(),
            context=context,
            keep=params.keep,
        )
        if ranks.is_main:
            torch.save(task.model.state_dict(), folder / "weights.pt")
            (folder / "figures.json").write_text(json.dumps(figures))


def _die_at(task: Task, step: int) -> None:
    """Have the process die as by SIGKILL when ``step`` is about to run."""
    import os
    import signal

    terms = task.terms

    def deadly(model: nn.Module, batch: Mapping[str, Tensor], *, step: int, last: int = step) -> list[Term]:
        if step == last and model.training:
            os.kill(os.getpid(), signal.SIGKILL)
        return terms(model, batch, step=step)

    task.terms = deadly  # type: ignore[method-assign]


def _die_at_validation(task: Task, number: int) -> None:
    """Have the process die as by SIGKILL when it is about to validate for the ``number``-th time."""
    import os
    import signal

    validate_model = task.validate
    left = iter(range(number - 1, -1, -1))

    def deadly(ranks: Ranks) -> dict[str, float]:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return validate_model(ranks)

    task.validate = deadly  # type: ignore[method-assign]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
