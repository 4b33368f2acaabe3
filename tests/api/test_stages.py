import httpx
import pytest

from wsmis_core.spec import CATALOGUE, recipes

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_every_stage_tells_its_params_inputs_and_output(client: httpx.Client) -> None:
    stages = {stage["name"]: stage for stage in client.get("/stages").json()}
    assert set(stages) == set(CATALOGUE)
    walk = client.get("/stages/make_pseudo_labels").json()
    assert walk == stages["make_pseudo_labels"]
    assert walk["params"]["properties"]["beta"]["default"] == 10.0
    assert walk["params"]["additionalProperties"] is False
    assert walk["inputs"]["cams"] == {
        "kind": "cams",
        "made_by": "extract_cams",
        "required": True,
        "same_dataset": True,
        "needs_truth": False,
    }
    assert walk["output"] == "pseudo_labels"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_defaults_are_what_empty_params_become(client: httpx.Client, name: str) -> None:
    stage = client.get(f"/stages/{name}").json()
    params = next(known.params for known in CATALOGUE.values() if known.name == name)
    assert stage["defaults"] == params().model_dump(mode="json")


def test_recipes(client: httpx.Client) -> None:
    assert [recipe["name"] for recipe in client.get("/recipes").json()] == list(recipes())
    smoke = client.get("/recipes/smoke").json()
    assert smoke["steps"]["evaluate"]["inputs"]["ceiling"] == "train_ceiling"
    assert client.get("/recipes/none").status_code == 404
    assert "smoke" in client.get("/recipes/none").json()["remedy"]
    assert client.get("/stages/none").status_code == 404
