from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.jobs import (
    Conflict,
    DatasetRequest,
    DatasetStatus,
    Fenced,
    Findings,
    claim_dataset,
    delete_dataset,
    finish_dataset,
    get_dataset,
    register_dataset,
    renew_dataset,
)
from wsmis_core.errors import SpecError
from wsmis_core.spec import FORMATS

if TYPE_CHECKING:
    from tests.conftest import World

NOTHING = Findings(
    usable=True,
    classes=[],
    counts={},
    labels={},
    splits={},
    has_masks=False,
    has_boxes=False,
    fingerprint="a" * 64,
    problems=[],
    problems_total=0,
)


def register(world: World, **request: Any) -> None:
    with world.database.writing() as session:
        wanted = {"name": "chest", "format": "siim", "root": "/data/chest", **request}
        register_dataset(session, DatasetRequest(**wanted), world.settings)


def test_one_worker_validates_a_data_set(world: World) -> None:
    dataset = world.dataset(validated=False)
    with world.database.writing() as session:
        claim = claim_dataset(session, dataset, worker="a", lease_seconds=30)
        assert claim is not None
        assert claim.spec.root == "/data/chest"
    with world.database.writing() as session:
        assert claim_dataset(session, dataset, worker="b", lease_seconds=30) is None
        renew_dataset(session, claim, 30, progress={"phase": "read", "done": 1, "total": 2, "unit": "file"})
    with world.database.writing() as session:
        assert finish_dataset(session, claim, NOTHING) is DatasetStatus.READY
    with pytest.raises(Fenced), world.database.writing() as session:
        finish_dataset(session, claim, NOTHING)


@pytest.mark.parametrize(
    ("request_", "field", "remedy"),
    [
        ({"root": "/etc"}, "root", "The data roots are /data."),
        ({"root": "/data/../etc"}, "root", "The data roots are /data."),
        ({"root": "data/chest"}, "root", "The data roots are /data."),
        ({"root": "/database"}, "root", "The data roots are /data."),
        ({"root": "/data/x\0y"}, "root", "The data roots are /data."),
        ({"format": "simm"}, "format", f"Use one of {', '.join(FORMATS)}. Did you mean siim?"),
        ({"options": {"rel": "x.csv"}}, "options.rel", "Take it out, or correct its name."),
    ],
)
def test_a_bad_registration_names_the_field_and_the_remedy(
    world: World, request_: dict[str, Any], field: str, remedy: str
) -> None:
    with pytest.raises(SpecError) as refused:
        register(world, **request_)
    assert (refused.value.field, refused.value.remedy) == (field, remedy)


def test_without_data_roots_nothing_is_registered(world: World) -> None:
    bare = world.settings.model_copy(update={"data_roots": ()})
    with pytest.raises(SpecError, match="WSMIS_DATA_ROOTS"), world.database.writing() as session:
        register_dataset(session, DatasetRequest(name="a", format="siim", root="/data/a"), bare)


def test_a_name_is_given_once(world: World) -> None:
    register(world)
    with pytest.raises(Conflict) as refused:
        register(world, root="/data/other")
    assert refused.value.field == "name"


def test_a_data_set_in_use_is_not_deleted(world: World) -> None:
    dataset = world.dataset()
    unused = world.dataset("unused")
    job = world.submit(dataset=dataset)
    with world.database.writing() as session:
        delete_dataset(session, get_dataset(session, unused))
    with pytest.raises(Conflict, match=job), world.database.writing() as session:
        delete_dataset(session, get_dataset(session, dataset))
