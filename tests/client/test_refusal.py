"""Problem bodies as exceptions."""

from __future__ import annotations

import json

from services.client.refusal import refusal
from wsmis_core.errors import Problem


def test_every_problem_with_field_and_remedy() -> None:
    body = {
        "title": "Unprocessable",
        "detail": "two fields",
        "problems": [
            {"field": "params.epochs", "message": "0 is not possible here.", "remedy": "Take 1 or more."},
            {"message": "this too", "field": None, "remedy": None},
        ],
    }
    error = refusal(422, json.dumps(body))
    assert error.status == 422
    assert error.problems == (
        Problem("0 is not possible here.", "params.epochs", "Take 1 or more."),
        Problem("this too"),
    )
    assert str(error) == "params.epochs: 0 is not possible here. Take 1 or more.; this too"


def test_a_problem_without_a_list_tells_its_detail_and_remedy() -> None:
    error = refusal(404, '{"title": "Not found", "detail": "no job job_1.", "remedy": "See wsmis jobs."}')
    assert str(error) == "no job job_1. See wsmis jobs."


def test_a_missing_key_says_where_to_put_one() -> None:
    assert "WSMIS_API_KEY" in (refusal(401, '{"title": "Unauthorized"}').remedy or "")


def test_a_body_of_somebody_else_is_shown() -> None:
    assert "413" in str(refusal(413, "<html>too large</html>"))
    assert "too large" in str(refusal(413, "<html>too large</html>"))
