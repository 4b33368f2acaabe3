"""Finding a Redis server, and a place for its socket."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from services.client.embedded.redis_server import redis_program, redis_url, socket_folder
from wsmis_core.errors import ServiceError


def test_the_systems_server_where_the_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    assert redis_program(str(tmp_path)) == str(server)


def test_no_server_is_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ServiceError, match=r"apt-get install redis-server"):
        redis_program(str(tmp_path))


def test_a_short_home_holds_the_socket(tmp_path: Path) -> None:
    home = Path("/tmp") / tmp_path.name
    home.mkdir()
    try:
        with socket_folder(home) as folder:
            assert folder == home / "redis"
            assert redis_url(folder) == f"unix://{home}/redis/redis.sock"
            assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        (home / "redis").rmdir()
        home.rmdir()


def test_a_long_home_does_not(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    home.mkdir()
    with socket_folder(home) as folder:
        assert not folder.is_relative_to(home)
        assert len(str(folder / "redis.sock")) < 100
    assert not folder.exists()
