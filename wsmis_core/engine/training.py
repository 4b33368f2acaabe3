"""The one training loop: any task, any number of ranks, resumable at every step."""

from __future__ import annotations

import functools
import math
import operator
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from wsmis_core.engine.batchnorm import bear_lone_values, synchronised
from wsmis_core.engine.checkpoints import (
    Checkpoint,
    TrainingState,
    adopt_best,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from wsmis_core.engine.context import RunContext
from wsmis_core.engine.divergence import check_figures, check_weights
from wsmis_core.engine.optimizers import make_optimizer, set_rates
from wsmis_core.engine.sampling import Draw, epoch_batches, sample_rng
from wsmis_core.engine.schedules import Position, learning_rate
from wsmis_core.engine.stopping import Stopped
from wsmis_core.engine.task import VALIDATION_LOSS, Task
from wsmis_core.errors import DataError, SpecError
from wsmis_core.spec.stages import Training

__all__ = ["train"]

_SECONDS_BETWEEN_METRICS = 10.0


def train(
    task: Task,
    *,
    params: Training,
    rates: Mapping[str, float],
    context: RunContext,
    keep: str = "last",
) -> dict[str, float]:
    """Train ``task.model`` to the end, from the newest checkpoint if there is one.

    The model is left with the weights of the ``last`` step or of another epoch's end: the ``best``, with the
    least validation loss, or the one where the figure of the task's validation that ``keep`` names is
    highest. Returns the figures of the epoch that is kept.

    Raises Stopped after a checkpoint when the run is asked to stop, DivergedError when the loss, a figure of
    the validation or a weight is no finite number, DataError when there is no such figure.
    """
    return _Training(task, params=params, rates=rates, context=context, keep=keep).run()


class _Training:
    """One training under way."""

    def __init__(
        self,
        task: Task,
        *,
        params: Training,
        rates: Mapping[str, float],
        context: RunContext,
        keep: str,
    ) -> None:
        ranks = context.ranks
        if params.batch_size < ranks.world_size:
            raise SpecError(
                f"{params.batch_size} images cannot be shared by {ranks.world_size} ranks.",
                field="params.batch_size",
                remedy=f"Take {ranks.world_size} or more, or fewer processes.",
            )
        self.task, self.params, self.rates = task, params, rates
        self.context, self.ranks, self.events = context, ranks, context.events
        self.keep = keep
        # Convolutions on the CPU are three times faster so, and none is slower on a GPU.
        task.model.to(ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if ranks.world_size > 1 and params.sync_batch_norm:
            task.model = synchronised(task.model, device=ranks.device)
        bear_lone_values(task.model)
        self.optimizer = make_optimizer(task.parameter_groups(), spec=params.optimizer, rates=rates)
        self.epoch_steps = -(-task.size // params.batch_size)
        self.steps = params.epochs * self.epoch_steps
        if params.max_steps is not None:
            self.steps = min(self.steps, params.max_steps)
        self.epochs = -(-self.steps // self.epoch_steps)
        self.state = self._resumed()
        self.model: nn.Module = task.model
        if ranks.world_size > 1:
            self.model = DistributedDataParallel(task.model, broadcast_buffers=False)
        self.saved_at = self.said_at = time.monotonic()

    def run(self) -> dict[str, float]:
        progress = self.context.progress(
            "training", total=self.steps, unit="steps", done=min(self.state.step, self.steps)
        )
        while self.state.step < self.steps or self.state.batch:  # an epoch that has begun is finished
            for batch, counts in self._epoch():
                self._step(batch, counts=counts)
                progress.advance()
            self._finish_epoch()
        kept = self.state.best_figures if self.state.best_step is not None else self.state.figures
        if self.state.best_step not in (None, self.state.step):
            best = Checkpoint(self.context.checkpoints / f"step-{self.state.best_step:08d}", self.state)
            load_checkpoint(best, model=self.task.model)
        self.ranks.wait()
        return dict(kept)

    def _resumed(self) -> TrainingState:
        """The state of the newest checkpoint, put into model and optimiser; else the beginning."""
        newest = latest_checkpoint(self.context.earlier_checkpoints)
        if newest is None:
            return TrainingState()
        load_checkpoint(newest, model=self.task.model, optimizer=self.optimizer)
        self.events.log(f"Going on from the checkpoint of step {newest.state.step} of {self.steps}.")
        best_step = newest.state.best_step
        if self.ranks.is_main and best_step is not None:
            adopt_best(newest.folder.parent / f"step-{best_step:08d}", self.context.checkpoints)
        self.ranks.wait()
        return newest.state

    def _epoch(self) -> Iterator[tuple[dict[str, Tensor], bool]]:
        """The batches that are left of the epoch, this rank's share of each, and whether it counts.

        Of a batch smaller than the number of ranks some get a sample that another has, which does not count.
        """
        epoch, seed, ranks = self.state.epoch, self.params.seed, self.ranks
        batches = epoch_batches(self.task.order(seed=seed, epoch=epoch), batch_size=self.params.batch_size)
        left = batches[self.state.batch : self.state.batch + self.steps - self.state.step]
        shares = [batch[ranks.rank :: ranks.world_size] for batch in left]
        examples = DataLoader(
            _Examples(self.task, seed=seed, epoch=epoch),
            batch_sampler=[share or batch[:1] for share, batch in zip(shares, left, strict=True)],
            num_workers=self.params.loader_workers,
            pin_memory=ranks.device.type == "cuda",
        )
        return zip(examples, map(bool, shares), strict=True)

    def _step(self, batch: Mapping[str, Tensor], *, counts: bool) -> None:
        """One step of the optimiser on this rank's share of a batch, which counts or weighs nothing."""
        state, params, device = self.state, self.params, self.ranks.device
        # Dropout and the like: a function of seed, step and rank alone.
        torch.manual_seed(_step_seed(params.seed, state.step, self.ranks.rank))
        position = Position(step=state.step, steps=self.steps, epoch=state.epoch, epochs=self.epochs)
        set_rates(
            self.optimizer,
            {name: learning_rate(rate, params.schedule, position) for name, rate in self.rates.items()},
        )
        on_device = {name: _on_device(values, device) for name, values in batch.items()}
        self.model.train()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=params.precision == "bfloat16"):
            terms = self.task.terms(self.model, on_device, step=state.step)
        if not counts:
            terms = [term.weightless() for term in terms]
        stop = self.context.stop.made
        due = self.ranks.is_main and time.monotonic() - self.saved_at > params.checkpoint_seconds
        sums = self.ranks.summed(
            torch.stack(
                [term.numerator.detach().double() for term in terms]
                + [term.denominator.detach().double() for term in terms]
                + [torch.tensor(float(flag), dtype=torch.float64, device=device) for flag in (stop, due)]
            )
        )
        numerators, denominators = sums[: len(terms)], sums[len(terms) : 2 * len(terms)]
        loss = _sum(
            term.weight * term.numerator / (total.to(term.numerator.dtype) + term.epsilon)
            for term, total in zip(terms, denominators, strict=True)
        )
        self.optimizer.zero_grad(set_to_none=True)
        (loss * self.ranks.world_size).backward()  # type: ignore[no-untyped-call]  # the ranks' gradients are averaged
        self.optimizer.step()
        *_, any_stop, any_due = sums.tolist()
        values = {
            term.name: term.weight * numerator / (denominator + term.epsilon)
            for term, numerator, denominator in zip(
                terms, numerators.tolist(), denominators.tolist(), strict=True
            )
        }
        values = {"loss": math.fsum(values.values())} | (values if len(values) > 1 else {})
        check_figures({"loss": values["loss"]}, when=f"at step {state.step}")
        sums_so_far = {name: state.sums.get(name, 0.0) + value for name, value in values.items()}
        self.state = replace(state, step=state.step + 1, batch=state.batch + 1, sums=sums_so_far)
        self._say(values)
        if any_stop or any_due:
            self._save()
        if any_stop:
            raise Stopped

    def _finish_epoch(self) -> None:
        """Validate, note whether it is the best epoch so far, and save."""
        figures = {f"train_{name}": value / self.state.batch for name, value in self.state.sums.items()}
        when = f"after step {self.state.step}"
        self.task.model.eval()
        check_weights(self.task.model, self.ranks, when=when)
        with torch.no_grad():
            figures |= self.task.validate(self.ranks)
        check_figures(figures, when=when)
        self.context.metric(figures, step=self.state.step, epoch=self.state.epoch)
        self.state = replace(self.state, epoch=self.state.epoch + 1, batch=0, sums={}, figures=figures)
        if self._is_best(figures):
            self.state = replace(self.state, best_step=self.state.step, best_figures=figures)
        self._save()

    def _is_best(self, figures: Mapping[str, float]) -> bool:
        """Whether these are the figures to keep an epoch for, among those so far."""
        if self.keep == "last":
            return False
        name = VALIDATION_LOSS if self.keep == "best" else self.keep
        if name not in figures:
            if self.keep == "best":
                return False  # no validation split: the last is the best that is known
            raise DataError(
                f"There is no {name} to choose the weights by: the validation split has nothing to score.",
                field="params.keep",
                remedy="Set it to last, or give the data set a validation split.",
            )
        so_far = self.state.best_figures.get(name)
        sign = -1 if name == VALIDATION_LOSS else 1
        return so_far is None or sign * figures[name] > sign * so_far

    def _say(self, values: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self.said_at >= _SECONDS_BETWEEN_METRICS:
            self.said_at = now
            rates = {f"lr_{group['name']}": group["lr"] for group in self.optimizer.param_groups}
            self.context.metric({**values, **rates}, step=self.state.step, epoch=self.state.epoch)

    def _save(self) -> None:
        if self.ranks.is_main:
            saved = save_checkpoint(
                self.context.checkpoints,
                model=self.task.model,
                optimizer=self.optimizer,
                state=self.state,
            )
            self.events.checkpoint(
                str(saved.folder.relative_to(self.context.folder)),
                step=self.state.step,
                epoch=self.state.epoch,
            )
        self.saved_at = time.monotonic()
        self.ranks.wait()


class _Examples(Dataset[dict[str, Tensor]]):
    """A task's samples by draw."""

    def __init__(self, task: Task, *, seed: int, epoch: int) -> None:
        self.task, self.seed, self.epoch = task, seed, epoch

    def __getitem__(self, draw: Draw) -> dict[str, Tensor]:
        return self.task.example(draw.index, sample_rng(draw, seed=self.seed, epoch=self.epoch))


def _on_device(values: Tensor, device: torch.device) -> Tensor:
    if values.dim() == 4:  # (B, C, H, W)
        return values.to(device, non_blocking=True, memory_format=torch.channels_last)
    return values.to(device, non_blocking=True)


def _step_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _sum(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one scalar."""
    return functools.reduce(operator.add, terms)
