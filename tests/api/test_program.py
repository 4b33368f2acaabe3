import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.api.__main__ import main

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def environment(database_url: str, redis_url: str, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "WSMIS_HOME": str(home),
        "WSMIS_DATABASE_URL": database_url,
        "WSMIS_REDIS_URL": redis_url,
    }


def test_a_fresh_interpreter_starts_the_api_without_torch(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    look = (
        "import sys; from services.api import make_app; from services.jobs import Settings;"
        "make_app(Settings.from_environment()).openapi();"
        "print(sorted({'torch', 'torchvision', 'scipy', 'segmentation_models_pytorch'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", look],
        env=environment(database_url, redis_url, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_the_program_serves_until_it_is_told_to_stop(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "services.api", "--port", "0"]
    env = environment(database_url, redis_url, tmp_path)
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        lines = [next(line for line in program.stderr if "Uvicorn running on" in line)]
        assert lines[0].startswith("{")  # JSON, since this is no terminal
        program.send_signal(signal.SIGTERM)
        program.stderr.read()
    assert program.returncode in {0, -signal.SIGTERM}


def test_a_bad_environment_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    monkeypatch.setenv("WSMIS_DATABASE_URL", database_url)
    monkeypatch.setenv("WSMIS_LEASE_SECONDS", "soon")
    assert main([]) == 2
    assert "WSMIS_LEASE_SECONDS" in capsys.readouterr().err
