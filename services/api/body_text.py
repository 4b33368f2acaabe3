"""Texts of a request's body that no answer and no database could hold are refused at the door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from wsmis_core.errors import Problem, SpecError
from wsmis_core.text import is_text

__all__ = ["check_body_text"]


async def check_body_text(request: Request) -> None:
    """Raise SpecError that names each text of a JSON body with a NUL or half a surrogate pair in it.

    JSON can spell both, UTF-8 and PostgreSQL can hold neither.
    """
    body = await request.body()
    if b"\\u" not in body:  # either has to be escaped
        return
    try:
        content = json.loads(body)
    except ValueError:
        return  # what reads the body tells so
    problems = [
        Problem(
            f"{text!a} holds a character that cannot be stored.",
            field=field,
            remedy="Take out NUL characters and halves of surrogate pairs.",
        )
        for field, text in _texts(content)
        if not is_text(text)
    ]
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)


def _texts(content: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text in ``content``, keys too, with the dotted name of where it is."""
    if isinstance(content, str):
        yield field, content
    elif isinstance(content, dict):
        for key, value in content.items():
            inside = f"{field}.{key}".lstrip(".") if is_text(key) else field
            yield inside, key
            yield from _texts(value, inside)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _texts(value, f"{field}.{number}".lstrip("."))
