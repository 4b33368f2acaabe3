"""A stage as JSON."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel

from wsmis_core.spec import Stage, producer

__all__ = ["InputView", "StageView"]


class InputView(BaseModel):
    """A role that another job's artifact may stand in."""

    kind: str
    made_by: str
    required: bool
    same_dataset: bool
    needs_truth: bool


class StageView(BaseModel):
    """A kind of work: its params as JSON Schema, what goes in and what comes out."""

    name: str
    summary: str
    params: dict[str, Any]
    defaults: dict[str, Any]
    inputs: dict[str, InputView]
    output: str
    trains: bool

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """The view of a stage."""
        return cls(
            name=stage.name,
            summary=stage.summary,
            params=stage.params.model_json_schema(),
            defaults=stage.params.model_construct().model_dump(mode="json"),
            inputs={
                role: InputView(
                    kind=wanted.kind,
                    made_by=producer(wanted.kind),
                    required=wanted.required,
                    same_dataset=wanted.same_dataset,
                    needs_truth=wanted.needs_truth,
                )
                for role, wanted in stage.inputs.items()
            },
            output=stage.output,
            trains=stage.trains,
        )
