"""The base of every spec, and how a failed validation is told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from wsmis_core.errors import Problem, SpecError

__all__ = ["FieldError", "Spec", "problems_of", "validate"]

T = TypeVar("T")

_UNSEEN = object()  # what lies behind the data that is at hand

# What pydantic puts into locations for a union's member or a mapping's key; no field is called so.
_TAG = re.compile(r"int|float|str|bool|constrained-\w+|literal\[.*\]|function-\w+\[.*\]|\[key\]", re.DOTALL)
_MODEL_TAG = re.compile(r"[A-Z]\w*")


class FieldError(ValueError):
    """For validators of whole models: ``field`` of the model is wrong, beside the others."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Spec(BaseModel):
    """A frozen model that knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def validate(kind: type[T] | TypeAdapter[T], data: object, *, prefix: str = "") -> T:
    """``data`` as a ``kind``.

    Raises SpecError with one Problem for each offending field, its name under ``prefix``.
    """
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        problems = problems_of(error.errors(), data=data, prefix=prefix)
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems) from None


def problems_of(
    errors: Iterable[Mapping[str, Any]], *, data: object = None, prefix: str = ""
) -> list[Problem]:
    """Pydantic's error list as Problems that name the field, the value and the remedy.

    A value that is none of a union's members is one problem, whose remedy names them all.
    """
    remedies: dict[tuple[str, str | None], list[str]] = {}
    for error in errors:
        problem = _problem(error, data=data, prefix=prefix)
        of_field = remedies.setdefault((problem.message, problem.field), [])
        if problem.remedy and problem.remedy not in of_field:
            of_field.append(problem.remedy)
    return [Problem(message, field, _alternatives(given)) for (message, field), given in remedies.items()]


def _alternatives(remedies: list[str]) -> str | None:
    """The remedies as one sentence."""
    if len(remedies) < 2:
        return remedies[0] if remedies else None
    first, *others = (remedy.removesuffix(".") for remedy in remedies)
    return ", or ".join([first, *(other[0].lower() + other[1:] for other in others)]) + "."


def _problem(error: Mapping[str, Any], *, data: object, prefix: str) -> Problem:
    field = ".".join([prefix] * bool(prefix) + _path(error["loc"], data)) or None
    value = error.get("input")
    kind = str(error["type"])
    context = error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return Problem("no such field.", field, "Take it out, or correct its name.")
        case "missing":
            return Problem("this field is missing.", field, "Give a value for it.")
        case "union_tag_not_found":
            return Problem("this field is missing.", _tag_field(field, context), "Give a value for it.")
        case "union_tag_invalid":
            known = [tag.strip("' ") for tag in str(context["expected_tags"]).split(",")]
            tag = str(context["tag"])
            close = difflib.get_close_matches(tag, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            return Problem(
                f"{tag!r} is not known.", _tag_field(field, context), f"Use one of {', '.join(known)}.{hint}"
            )
        case "value_error":
            return _told(context["error"], field)
        case _:
            return Problem(f"{_shown(value)} is not possible here.", field, f"{error['msg']}.")


def _told(error: Exception, field: str | None) -> Problem:
    """What a validator says: a sentence, and what to do."""
    if isinstance(error, FieldError):
        field = f"{field}.{error.field}" if field else error.field
    message, _, remedy = str(error).partition(". ")
    return Problem(f"{message.removesuffix('.')}.", field, remedy or None)


def _tag_field(field: str | None, context: Mapping[str, Any]) -> str:
    tag = str(context["discriminator"]).strip("'")
    return f"{field}.{tag}" if field else tag


def _path(loc: Iterable[int | str], data: object) -> list[str]:
    """The location without the tags that unions put into it.

    Unions that are told apart by a function have tags in angle brackets.
    """
    path: list[str] = []
    here: object = _UNSEEN if data is None else data
    for part in loc:
        if isinstance(part, str) and part.startswith("<"):
            continue
        if here is not _UNSEEN and not isinstance(here, Mapping | list | tuple):
            break  # a value has no fields: what follows names the members of a union that it is none of
        if isinstance(here, Mapping) and part not in here and part in here.values():
            continue  # a union's tag: the value of the discriminator, not a field
        if isinstance(here, Mapping) and isinstance(part, int):
            continue  # the place of the only one, given by itself where a list may stand
        if isinstance(part, str) and _is_tag(part, here):
            continue
        path.append(str(part))
        if isinstance(here, Mapping):
            here = here.get(part, _UNSEEN)
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            here = _UNSEEN
    return path


def _is_tag(part: str, here: object) -> bool:
    """Whether a part of a location names a union's member, or a key itself, and no field of ``here``."""
    if isinstance(here, Mapping):
        return part not in here and bool(_TAG.fullmatch(part) or _MODEL_TAG.fullmatch(part))
    return bool(_TAG.fullmatch(part))


def _shown(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
