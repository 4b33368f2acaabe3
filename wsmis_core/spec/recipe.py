"""Recipes: named DAGs of stages with their params, as YAML in the folder `recipes`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from wsmis_core.errors import SpecError
from wsmis_core.spec.catalogue import StageName
from wsmis_core.spec.min_score import MinScore
from wsmis_core.spec.model import Spec, validate

__all__ = ["Recipe", "Step", "load_recipes", "recipe_names", "recipes"]

# Where the recipe that is extended and the one that extends it are laid over each other key by key;
# None is any key.
_BY_KEY = ("steps", None, "params")


class Step(Spec):
    """One stage of a recipe; ``inputs`` name earlier steps by role."""

    stage: StageName
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    needs_masks: bool = Field(
        default=False, description="learns from true masks: left out where the train split has none"
    )
    min_score: MinScore = Field(default_factory=dict)


class Recipe(Spec):
    """A named DAG of stages."""

    schema_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    description: str
    steps: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Step]

    @model_validator(mode="after")
    def _inputs_name_steps(self) -> Self:
        for name, step in self.steps.items():
            for role, source in step.inputs.items():
                if source not in self.steps:
                    known = ", ".join(self.steps)
                    raise ValueError(
                        f"{source!r}, the {role} of the step {name}, is no step. Name one of {known}."
                    )
        return self


def recipe_names() -> tuple[str, ...]:
    """The names of the recipes that come with the product, which their files go by, without reading these."""
    return tuple(sorted(_files()))


@cache
def recipes() -> Mapping[str, Recipe]:
    """The recipes that come with the product, by name."""
    made = load_recipes(file.read_text() for file in _files().values())
    assert tuple(made) == recipe_names(), "a recipe's file has its name"
    return made


def _files() -> dict[str, Traversable]:
    folder = files("wsmis_core.spec") / "recipes"
    return {path.name.removesuffix(".yaml"): path for path in folder.iterdir() if path.name.endswith(".yaml")}


def load_recipes(texts: Iterable[str]) -> Mapping[str, Recipe]:
    """Recipes from their YAML, by name and in its order.

    One that says ``extends: NAME`` holds only what differs from that recipe, which is among them: steps are
    laid over its by name, a step's params key by key, what else a step says as a whole; new steps come
    last. Raises SpecError that names the recipe and the field.
    """
    written: dict[str, Mapping[str, Any]] = {}
    for text in texts:
        data = _mapping(text)
        name = str(data.get("name", "a recipe without a name"))
        if name in written:
            raise SpecError(f"two recipes are called {name}.", field="name", remedy="Rename one of them.")
        written[name] = data
    return {name: _whole(name, written, on_the_way=()) for name in sorted(written)}


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"not YAML: {error}.", remedy="Correct the file's syntax.") from None
    if not isinstance(data, Mapping):
        raise SpecError("not a mapping of fields.", remedy="Begin with `name:`, and give `steps:`.")
    return data


def _whole(name: str, written: Mapping[str, Mapping[str, Any]], *, on_the_way: Sequence[str]) -> Recipe:
    """The recipe ``name``, with all that it has from others."""
    own = dict(written[name])
    if "extends" not in own:
        return validate(Recipe, own, prefix=name)
    extended, way = str(own.pop("extends")), (*on_the_way, name)
    if extended in way:
        raise SpecError(
            f"these recipes extend each other: {' -> '.join((*way, extended))}.",
            field=f"{name}.extends",
            remedy="Write one of them out whole.",
        )
    if extended not in written:
        close = difflib.get_close_matches(extended, written, n=1)
        others = ", ".join(sorted(set(written) - {name})) or "none"
        raise SpecError(
            f"{extended!r} is no recipe.",
            field=f"{name}.extends",
            remedy=f"The others are: {others}." + (f" Did you mean {close[0]}?" if close else ""),
        )
    base = _whole(extended, written, on_the_way=way)
    inherited = base.model_dump(exclude_unset=True, exclude={"name", "description"})
    return validate(Recipe, _laid_over(inherited, own, by_key=_BY_KEY), prefix=name)


def _laid_over(below: object, above: object, *, by_key: Sequence[str | None]) -> object:
    """``above`` where both say something, key by key along ``by_key`` and as a whole beside it."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    laid = dict(below)
    for key, value in above.items():
        goes_on = key in below and by_key and by_key[0] in (None, key)
        laid[key] = _laid_over(below[key], value, by_key=by_key[1:]) if goes_on else value
    return laid
