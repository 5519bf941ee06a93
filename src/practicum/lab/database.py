"""Opening the database of results: SQLite under the home, PostgreSQL by URL, migrated when opened.

SQLite runs in WAL mode, so that readers and one writer do not wait for each other, and a writer
takes its lock when its transaction begins: two that both read first and then write would otherwise
refuse each other at once instead of waiting.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from practicum.errors import StoreError
from practicum.home import home
from practicum.lab.tables import REVISION

PATIENCE = 60  # seconds a writer waits for the others
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 5_128_077_631  # any number that every practicum agrees on
_EXPECTED = "expected sqlite:////folder/file.db or postgresql://user@host/name"


def open_database(url: str | None = None) -> Engine:
    """The engine for `url`, else `$PRACTICUM_STORE`, else `practicum.db` in the home; migrated.

    Raises StoreError when it cannot be reached, read, or is of a newer version.
    """
    place = _place(url or os.environ.get("PRACTICUM_STORE"))
    shown = place.render_as_string(hide_password=True)
    with explained(shown):
        if place.get_backend_name() == "sqlite":
            engine = create_engine(place, connect_args={"timeout": PATIENCE})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(place, pool_pre_ping=True)
        try:
            migrate(engine, shown)
        except BaseException:
            engine.dispose()
            raise
    return engine


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Within the block, what the database driver raises becomes a StoreError of one line."""
    try:
        yield
    except ModuleNotFoundError as problem:
        raise StoreError(
            f"the store {shown} needs {problem.name}; pip install 'practicum[postgres]'"
        ) from problem
    except SQLAlchemyError as problem:
        said = str(getattr(problem, "orig", None) or problem).strip().splitlines()
        reason = said[0] if said else type(problem).__name__
        raise StoreError(
            f"the store {shown} does not answer: {reason}{_advice(reason)}"
        ) from problem


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction that writes, alone in SQLite from its first moment, committed at the end."""
    with Session(engine) as session:
        session.connection(execution_options={"practicum_writes": True})
        yield session
        session.commit()


def migrate(engine: Engine, shown: str) -> None:
    """Bring the tables to the newest revision; safe when many processes open a store at once."""
    with engine.connect() as connection:
        current = _revision(connection)
    if current == REVISION:
        return  # without importing alembic
    with writing(engine) as session:
        connection = session.connection()
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if _revision(connection) != REVISION:  # nobody was quicker
            _upgrade(connection, shown)


def _upgrade(connection: Connection, shown: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as problem:
        raise StoreError(
            f"the store {shown} was written by a newer practicum (its tables are of revision "
            f"{_revision(connection)}, known is {REVISION}); upgrade practicum or choose another "
            "store with PRACTICUM_STORE"
        ) from problem


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _place(url: str | None) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(home() / "practicum.db"))
    try:
        place = make_url(url)
    except (ArgumentError, ValueError) as problem:  # ValueError: a port that is no number
        shown = url.rpartition("@")[2]  # without the password
        raise StoreError(f"'{shown}' is no store; {_EXPECTED}") from problem
    backend = place.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return place.set(drivername="postgresql+psycopg")
    if place.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(f"results cannot be kept in '{place.drivername}'; {_EXPECTED}")
    return place


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    for attempt in range(PATIENCE * 20):
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            break
        except connection.OperationalError as problem:
            # The one switch to WAL does not wait for other connections by itself.
            if "locked" not in str(problem) or attempt == PATIENCE * 20 - 1:
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA synchronous=NORMAL").close()
    connection.execute("PRAGMA foreign_keys=ON").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("practicum_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _advice(reason: str) -> str:
    advice = {
        "not a database": "; move the file away to start a new one",
        "malformed": "; move the file away to start a new one",
        "readonly": "; set PRACTICUM_HOME to a writable folder",
        "unable to open": "; set PRACTICUM_HOME to a writable folder",
        "disk is full": "; free some space and repeat with --resume",
        "disk I/O": "; is the disk full?",
        "locked": f"; another process has been writing for over {PATIENCE} s",
    }
    return next((said for sign, said in advice.items() if sign in reason), "")
