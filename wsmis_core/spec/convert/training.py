"""What the configs of all trainings say alike: sets, transforms, epochs, optimiser, schedule, monitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wsmis_core.errors import SpecError
from wsmis_core.spec.convert.keys import Keys

__all__ = [
    "note_surroundings",
    "put_image_size",
    "put_rates",
    "put_training",
    "put_transform",
    "unread_file",
]

NORMALISATIONS = {"default": "imagenet", "pneumothorax": "pneumothorax"}
AUGMENTATIONS = {name: name for name in ("none", "weak", "horizontal_flip", "strong", "pneumothorax")}
OPTIMISERS = {name: name for name in ("sgd", "adam", "adamw", "radam")}
SIZE_STEP = 16  # sizes here are multiples of it

OWN_FILES = "the service keeps logs, checkpoints and artifacts under its own home, by job"
DATA_SET = "a job names a registered data set, which has its splits: `wsmis datasets add NAME ROOT`"
TYPES = "tensors have the type that the network takes"
ONE_TRANSFORM = "training and validation share it here; the one under `train` is taken"
NO_PLATEAU = "no schedule here looks at the loss: the rates stay as they are; step and poly lower them"
RESIZED = "images are resized to the size"


def put_transform(keys: Keys) -> None:
    """The params of `train.transform`; `val.transform` is held against it."""
    put_image_size(keys)
    scope = "train.transform.augmentation_scope"
    keys.put("augmentation", keys.choice(scope, AUGMENTATIONS, default="none"), key=scope)
    normalisation = "train.transform.images_normalization"
    keys.put(
        "normalisation", keys.choice(normalisation, NORMALISATIONS, default="default"), key=normalisation
    )
    if keys.value("val.transform.augmentation_scope") not in (None, "none"):
        keys.note("val.transform.augmentation_scope", "images are validated as they are")


def put_image_size(keys: Keys) -> None:
    """`image_size`, and what else a transform says of sizes and types."""
    key = "train.transform.size"
    keys.needed(key)
    size = keys.typed(key, int, remedy="Give the pixels a side, as in 352.")
    assert size is not None
    nearest = max(SIZE_STEP, round(size / SIZE_STEP) * SIZE_STEP)
    if nearest != size:
        keys.note(key, f"sizes here are multiples of {SIZE_STEP}, so {size} becomes {nearest}")
    keys.put("image_size", nearest, key=key)
    for name in ("size", "images_normalization"):
        if keys.value(f"val.transform.{name}") not in (None, keys.value(f"train.transform.{name}")):
            keys.note(f"val.transform.{name}", ONE_TRANSFORM)
    for part in ("train", "val"):
        if keys.value(f"{part}.transform.size_transform") not in (None, "resize"):
            keys.note(f"{part}.transform.size_transform", RESIZED)
        for name in ("images_output_format_type", "masks_output_format_type", "masks_normalization"):
            keys.note(f"{part}.transform.{name}", TYPES)


def note_surroundings(keys: Keys) -> None:
    """Notes on files, devices and what else the service has by itself."""
    keys.note("project", "it is a name of the authors' own logs")
    keys.note("log_path", OWN_FILES)
    for name in ("device", "devices"):
        keys.note(name, "a worker gives each job its GPUs; how many is the job's `resources.gpus`")
    for part in ("train", "val"):
        for name in ("path", "input_path"):
            keys.note(f"{part}.{name}", DATA_SET)
        keys.note(f"{part}.output_path", OWN_FILES)
    keys.note("model.classes", "the classes are those of the data set")
    keys.note("model.metrics", "every metric of the stage is told")


def put_training(keys: Keys) -> None:
    """Epochs, batch size, optimiser and schedule; notes on what the service has by itself."""
    note_surroundings(keys)
    if keys.needed("num_epochs") == 0:
        raise SpecError(
            "0 epochs train nothing.",
            field="num_epochs",
            remedy="Give 1 or more; `wsmis import-weights` takes weights as they are.",
        )
    keys.put("epochs", keys.value("num_epochs"), key="num_epochs")
    keys.put("batch_size", keys.needed("batch_size"), key="batch_size")
    _put_optimiser(keys)
    _put_schedule(keys)
    keys.put("keep", "best", key="monitor.method")
    keys.note("monitor.interval", "checkpoints come by the clock: see checkpoint_seconds")
    method = keys.value("monitor.method")
    if method not in (None, "epochs"):
        raise SpecError(f"{method!r} is not known.", field="monitor.method", remedy="Use epochs.")


def put_rates(keys: Keys, groups: Mapping[int, Sequence[str]]) -> None:
    """Put the learning rates: one for all, or a list with as many as ``groups`` has names for.

    A name `a+b` stands for two rates that are the same.
    """
    key = f"{_optimiser(keys)}.lr"
    given = keys.needed(key)
    listed = given if isinstance(given, list) else [given]
    names = groups.get(len(listed))
    if names is None:
        counts = " or ".join(str(count) for count in groups)
        raise SpecError(
            f"{len(listed)} rates are given for {counts} parameter groups.",
            field=key,
            remedy=f"Give {counts}, in the order {', '.join(groups[max(groups)])}.",
        )
    for name, rate in zip(names, listed, strict=True):
        for part in name.split("+"):
            keys.put(f"rates.{part}", rate, key=key)


def unread_file(why: str) -> str:
    """A note on a file of weights that the published code leaves alone, and so does the request."""
    return f"{why}, and neither does this; to start from it, set weights to {{file: PATH}}"


def _optimiser(keys: Keys) -> str:
    """Where the optimiser's settings stand: later configs have them one level deeper."""
    return "optimizer.parameters" if "optimizer.parameters" in keys else "optimizer"


def _put_optimiser(keys: Keys) -> None:
    name: Any = keys.choice("optimizer.name", OPTIMISERS)
    keys.put("optimizer.name", name, key="optimizer.name")
    section = _optimiser(keys)
    for setting in ("weight_decay", "momentum"):
        value = keys.value(f"{section}.{setting}")
        if value is None:
            continue
        if setting == "momentum" and name != "sgd":
            keys.note(f"{section}.momentum", f"{name} has none")
        else:
            keys.put(f"optimizer.{setting}", value, key=f"{section}.{setting}")


def _put_schedule(keys: Keys) -> None:
    """The schedules count epochs, as the published code steps them."""
    schedules = {"step": "step", "poly": "poly", "plateau": "constant"}
    name = keys.choice("scheduler.name", schedules)
    keys.put("schedule.name", name, key="scheduler.name")
    if name == "constant":
        keys.note("scheduler.name", NO_PLATEAU)
        keys.note("scheduler", "it is of the plateau")
        return
    if name == "step":
        keys.put("schedule.every", keys.needed("scheduler.step_size"), key="scheduler.step_size")
        keys.put("schedule.gamma", keys.needed("scheduler.gamma"), key="scheduler.gamma")
        return
    keys.put("schedule.per", "epoch", key="scheduler.name")
    keys.put("schedule.power", keys.needed("scheduler.power"), key="scheduler.power")
    keys.put("schedule.floor", keys.needed("scheduler.min_lr"), key="scheduler.min_lr")
    if keys.value("scheduler.max_iters") not in (None, keys.value("num_epochs")):
        keys.note("scheduler.max_iters", "the schedule ends with the last epoch")
