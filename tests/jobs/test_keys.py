import pytest

from services.jobs import Database, Forbidden, Scope, Unauthorized, authenticate, make_key
from services.jobs.tables import ApiKey


@pytest.fixture
def key(database: Database) -> str:
    with database.writing() as session:
        return make_key(session, name="ci", scopes={Scope.SUBMIT})


def test_the_secret_is_not_stored(database: Database, key: str) -> None:
    with database.reading() as session:
        row = session.query(ApiKey).one()
    secret = key.split("_")[2]
    assert len(secret) == 64  # 256 bits
    assert all(secret not in str(value) for value in vars(row).values())


def test_a_key_is_known_again(database: Database, key: str) -> None:
    with database.reading() as session:
        caller = authenticate(session, key)
    assert caller.name == "ci"
    assert caller.scopes == {Scope.SUBMIT}


def test_each_scope_includes_those_before_it(database: Database, key: str) -> None:
    with database.reading() as session:
        caller = authenticate(session, key)
    caller.require(Scope.READ)
    caller.require(Scope.SUBMIT)
    with pytest.raises(Forbidden, match="admin"):
        caller.require(Scope.ADMIN)


@pytest.mark.parametrize("spoil", ["", "x", "wsmis_x_y", "short", "case", "other"])
def test_anything_else_is_refused(database: Database, key: str, spoil: str) -> None:
    spoilt = {
        "short": key[:-1],
        "case": key.upper(),
        "other": key[:-1] + ("0" if key[-1] != "0" else "1"),
    }.get(spoil, spoil)
    with pytest.raises(Unauthorized), database.reading() as session:
        authenticate(session, spoilt)
