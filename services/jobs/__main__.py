"""`python -m services.jobs migrate` and `make-key`."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path

from services.jobs.database import Database
from services.jobs.keys import make_key, scopes_of
from services.jobs.schema import migrate
from services.jobs.settings import Settings
from wsmis_core.errors import WsmisError

WRONG_USE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 2 for wrong use."""
    asked = _parser().parse_args(arguments)
    try:
        with closing(Database(Settings.from_environment().database_url)) as database:
            if asked.command == "migrate":
                migrate(database)
            else:
                _make_key(database, asked.name, asked.scopes, asked.file)
    except WsmisError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    return 0


def _make_key(database: Database, name: str, scopes: str, file: Path | None) -> None:
    granted = scopes_of(scopes)
    with database.writing() as session:
        key = make_key(session, name=name, scopes=granted)
    if file is None:
        sys.stdout.write(f"{key}\n")
        return
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{key}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.jobs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database's schema up to date")
    key = commands.add_parser("make-key", help="make an API key, shown this once")
    key.add_argument("--name", required=True)
    key.add_argument("--scopes", required=True, help="read,submit,admin")
    key.add_argument("--file", type=Path, help="write it there, readable by its owner alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
