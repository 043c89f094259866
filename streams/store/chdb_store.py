"""How do boards read without a server? ClickHouse inside the serving process, one session per thread.

A session shared between threads mixes their parameters and answers with another question's rows, without an error
(measured: 122 wrong answers in 3,091). So every thread has a session of its own, and one more is held open as long
as the store is: the engine shuts down when its last session closes.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast
from weakref import WeakSet

import orjson
from chdb.session import Session

from streams.store import TABLES, Parameter, Table
from streams.store.migrations import Migration, shipped

DATABASE = "tocsin"

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
"""A text parameter is read as escaped text: a bare backslash would arrive as something else."""


class _Session(Protocol):
    """The part of a chDB session that we use: the library publishes no types."""

    def query(self, sql: str, fmt: str = "CSV", *, params: Mapping[str, Parameter] | None = None) -> Any: ...

    def close(self) -> None: ...


_open_session = cast(Callable[[str], _Session], Session)


class StoreInUseError(RuntimeError):
    """The store's folder is open elsewhere."""


class Store:
    """The boards' store in one folder. One process opens it; commands beside it read the ledger instead."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._own = threading.local()
        self._sessions: WeakSet[_Session] = WeakSet()
        self._opening = threading.Lock()
        self._closed = False
        self._keeper = self._open()
        self._keeper.query(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        self._keeper.query(f"USE {DATABASE}")
        self._migrate(shipped())

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[dict[str, Any]]:
        """The rows of a SELECT, as dictionaries."""
        given = {name: as_parameter(value) for name, value in (parameters or {}).items()}
        answer = json.loads(self._session().query(sql, "JSONCompact", params=given).bytes())
        names = [column["name"] for column in answer["meta"]]
        return [dict(zip(names, row, strict=True)) for row in answer["data"]]

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Appends rows to a table; returns when they are on disk."""
        if rows:
            lines = b"\n".join(orjson.dumps(row) for row in rows).decode()
            self._session().query(f"INSERT INTO {table} FORMAT JSONEachRow\n{lines}")

    def wipe(self) -> None:
        """Empties every table."""
        for table in TABLES:
            self._session().query(f"TRUNCATE TABLE {table}")

    def close(self) -> None:
        """Closes the sessions of all threads; the engine lets go of the folder with the last of them."""
        self._closed = True
        for session in [*self._sessions]:
            session.close()

    def _session(self) -> _Session:
        session: _Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._open()
            session.query(f"USE {DATABASE}")
            self._own.session = session
        return session

    def _open(self) -> _Session:
        with self._opening:
            if self._closed:
                raise StoreInUseError(f"the store in {self._folder} is closed")
            try:
                session = _open_session(str(self._folder))
            except RuntimeError as error:
                raise self._readable(error) from error
            self._sessions.add(session)
            return session

    def _readable(self, error: RuntimeError) -> RuntimeError:
        """What the engine means: it says only BAD_ARGUMENTS where a folder is already open."""
        text = str(error)
        if "already initialized" in text:
            return StoreInUseError(f"this process has another store open already, so not the one in {self._folder}")
        if "EmbeddedServer" in text:
            return StoreInUseError(
                f"the store in {self._folder} is open in another process; only the serving process opens it"
            )
        return error

    def _migrate(self, migrations: tuple[Migration, ...]) -> None:
        self._keeper.query(
            "CREATE TABLE IF NOT EXISTS migrations (name String, digest String) ENGINE = MergeTree ORDER BY name"
        )
        applied = [(row["name"], row["digest"]) for row in self.query("SELECT name, digest FROM migrations ORDER BY 1")]
        if applied != [(step.name, step.digest) for step in migrations[: len(applied)]]:
            for table in (*TABLES, "migrations"):
                self._keeper.query(f"DROP TABLE IF EXISTS {table}")
            return self._migrate(migrations)
        for step in migrations[len(applied) :]:
            for statement in step.statements:
                self._keeper.query(statement)
            noted = orjson.dumps({"name": step.name, "digest": step.digest}).decode()
            self._keeper.query(f"INSERT INTO migrations FORMAT JSONEachRow\n{noted}")
        return None


def as_parameter(value: object) -> Parameter:
    """A parameter in the form the engine reads back unchanged. None and floats have none."""
    if isinstance(value, str):
        return value.translate(_ESCAPED)
    if isinstance(value, int):
        return value
    raise TypeError(f"a parameter is text or a whole number, not {type(value).__name__}")


def as_instant(value: datetime) -> str:
    """An instant as a DateTime64 column and `{t:DateTime64(6, 'UTC')}` read it: UTC, without a zone in the text."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
