"""How do boards read without a server? ClickHouse inside the serving process, one session per thread.

A session shared between threads mixes their parameters and answers with another question's rows, without an error
(measured: 122 wrong answers in 3,091). So every thread has a session of its own, and one more is held open as long
as the store is: the engine shuts down when its last session closes.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, cast
from weakref import WeakSet

import orjson
from chdb.session import Session

from streams.store import TABLES, Parameter, Row, StoreError, Table, as_instant, checked
from streams.store.migrations import OtherSchemaError, forget, migrate, shipped

DATABASE = "tocsin"

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
"""A text parameter is read as escaped text: a bare backslash would arrive as something else."""


class _Session(Protocol):
    """The part of a chDB session that we use: the library publishes no types."""

    def query(self, sql: str, fmt: str = "CSV", *, params: Mapping[str, Parameter] | None = None) -> Any: ...

    def close(self) -> None: ...


_open_session = cast(Callable[[str], _Session], Session)


class StoreInUseError(StoreError):
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
        self._migrate()

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        """The rows of a SELECT, as dictionaries."""
        given = {name: as_parameter(value) for name, value in checked(parameters).items()}
        answer = json.loads(self._session().query(sql, "JSONCompact", params=given).bytes())
        names = [column["name"] for column in answer["meta"]]
        return [dict(zip(names, row, strict=True)) for row in answer["data"]]

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Appends rows to a table; returns when they are on disk."""
        if rows:
            lines = b"\n".join(map(_as_line, rows)).decode()
            self.command(f"INSERT INTO {table} FORMAT JSONEachRow\n{lines}")

    def command(self, sql: str) -> None:
        """Runs a statement that answers nothing."""
        self._session().query(sql)

    def wipe(self) -> None:
        """Empties every table."""
        for table in TABLES:
            self.command(f"TRUNCATE TABLE {table}")

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

    def _migrate(self) -> None:
        try:
            migrate(self, shipped())
        except OtherSchemaError:
            forget(self)
            migrate(self, shipped())


def as_parameter(value: Parameter) -> Parameter:
    """A parameter in the form the engine reads back unchanged."""
    return value.translate(_ESCAPED) if isinstance(value, str) else value


def _as_line(row: Row) -> bytes:
    return orjson.dumps(row, default=_as_text, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return as_instant(value)
    raise TypeError(f"no column holds a {type(value).__name__}")
