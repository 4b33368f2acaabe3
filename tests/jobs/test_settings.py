from pathlib import Path

import pytest

from services.jobs import NotConfigured, Settings


def test_everything_has_a_default_below_the_home() -> None:
    settings = Settings.from_environment({"WSMIS_HOME": "/srv/wsmis"})
    assert settings.database_url == "sqlite:////srv/wsmis/wsmis.db"
    assert settings.attempt_folder("job_1", 2) == Path("/srv/wsmis/runs/job_1/attempt-2")
    assert settings.artifact_folder("job_1") == Path("/srv/wsmis/artifacts/job_1")
    assert settings.dataset_index("ds_1") == Path("/srv/wsmis/datasets/ds_1/index.json")
    assert settings.data_roots == ()


def test_data_roots_are_separated_by_colons() -> None:
    settings = Settings.from_environment({"WSMIS_DATA_ROOTS": "/data/a/../b:/mnt/x:"})
    assert settings.data_roots == (Path("/data/b"), Path("/mnt/x"))


@pytest.mark.parametrize("value", ["soon", "0", "-1"])
def test_a_bad_value_names_its_variable(value: str) -> None:
    with pytest.raises(NotConfigured) as refused:
        Settings.from_environment({"WSMIS_LEASE_SECONDS": value})
    assert refused.value.field == "WSMIS_LEASE_SECONDS"
