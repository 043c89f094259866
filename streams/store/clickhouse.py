"""How do boards read on more than one machine? From a ClickHouse server, over its native protocol.

A connection answers one question at a time, so every thread has one of its own. Settings are marked important: a
server that does not know one refuses, instead of doing something else. An insert whose answer was lost is sent again
under the same token, and the server keeps it once.
"""

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, cast
from weakref import WeakSet, finalize

from clickhouse_driver import Client, errors

from streams.store import TABLES, Parameter, Row, StoreError, StoreUnreachableError, Table, as_instant, checked
from streams.store.migrations import Migration, OtherSchemaError, migrate, shipped
from streams.store.server import Server

OLDEST = (24, 8)
"""The oldest server that boards are written for; 24.8 is the first long-term release whose DDL has all we use."""

SETTINGS = {"async_insert": 0}
"""An insert is answered when it is on disk. Newer servers would gather small ones first, which we do ourselves."""

ATTEMPTS = 3
LOST = (
    errors.NetworkError,
    errors.SocketTimeoutError,
    errors.UnexpectedPacketFromServerError,
    errors.UnknownPacketFromServerError,
)
"""What the driver says of a connection on which nothing more can be understood."""

INSTANT = re.compile(r"(?:Nullable\()?DateTime64\((\d)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)  # a refused connection is told once, by who raises it


class _Client(Protocol):
    """The part of the driver that we use: it publishes no types."""

    def execute(
        self, query: str, params: object = None, *, with_column_types: bool = False, settings: Mapping[str, object]
    ) -> Any: ...

    def disconnect(self) -> None: ...


_connect = cast(Callable[..., _Client], Client)


class Store:
    """The boards' store on a server: any number of processes write and read it."""

    def __init__(
        self,
        server: Server,
        *,
        migrations: Sequence[Migration] | None = None,
        settings: Mapping[str, object] | None = None,
        oldest: tuple[int, int] = OLDEST,
    ) -> None:
        self._server = server
        self._settings = dict(SETTINGS if settings is None else settings)
        self._own = threading.local()
        self._clients: WeakSet[_Client] = WeakSet()
        with ExitStack() as opened:
            opened.callback(self.close)
            self._create_database(oldest)
            self._migrate(shipped() if migrations is None else migrations)
            opened.pop_all()

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        """The rows of a SELECT, in the form in which the engine writes JSON."""
        rows, columns = self._execute(sql, checked(parameters), with_column_types=True)
        readers = [(name, _read_as(type_)) for name, type_ in columns]
        return [{name: read(value) for (name, read), value in zip(readers, row, strict=True)} for row in rows]

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Appends rows to a table; returns when they are on disk.

        Where the answer was lost they are sent again, under the same token: it is a digest of them, so that another
        writer's equal batch, or ours after a restart, is the same batch too.
        """
        if not rows:
            return
        columns = [*rows[0]]
        values = [tuple(_written(row[name]) for name in columns) for row in rows]
        token = hashlib.sha256(repr(values).encode()).hexdigest()
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
        for attempt in range(ATTEMPTS):
            try:
                self._execute(sql, values, insert_deduplication_token=token)
                return
            except StoreUnreachableError:
                if attempt == ATTEMPTS - 1:
                    raise

    def command(self, sql: str) -> None:
        """Runs a statement that answers nothing."""
        self._execute(sql)

    def wipe(self) -> None:
        """Empties every table."""
        for table in TABLES:
            self.command(f"TRUNCATE TABLE {table}")

    def close(self) -> None:
        """Closes the connections of all threads."""
        for client in [*self._clients]:
            client.disconnect()
        self._own = threading.local()

    def _execute(self, sql: str, params: object = None, *, with_column_types: bool = False, **settings: object) -> Any:
        with self._readable():
            return self._client().execute(
                sql, params, with_column_types=with_column_types, settings=self._settings | settings
            )

    def _client(self) -> _Client:
        """The connection of this thread, which ends with it."""
        client: _Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._open(self._server.database)
            finalize(threading.current_thread(), client.disconnect)
        return client

    def _open(self, database: str) -> _Client:
        server = self._server
        client = _connect(
            server.host,
            server.port,
            database=database,
            user=server.user,
            password=server.password,
            secure=server.secure,
            ca_certs=server.authorities,
            client_name="tocsin",
            settings={"server_side_params": True},
            settings_is_important=True,
        )
        self._clients.add(client)
        return client

    def _create_database(self, oldest: tuple[int, int]) -> None:
        client = self._open("")
        with self._readable():
            ((version,),) = client.execute("SELECT version()", settings={})
            if tuple(int(part) for part in version.split(".")[:2]) < oldest:
                needed = ".".join(map(str, oldest))
                raise StoreError(f"{self._server} is version {version}; boards need {needed} or newer")
            client.execute(f"CREATE DATABASE IF NOT EXISTS {self._server.database}", settings={})
        client.disconnect()

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        try:
            migrate(self, migrations)
        except OtherSchemaError as error:
            raise OtherSchemaError(f"{self._server}: {error}; it is a copy: drop it or name another database") from None

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """What the driver means, in one line and without the server's stack, which can hold values."""
        try:
            yield
        except errors.ServerException as error:
            said = error.message.splitlines()[0].removesuffix(" Stack trace:")
            raise StoreError(f"{self._server} refuses (code {error.code}): {said}") from None
        except (*LOST, EOFError, OSError) as error:
            raise StoreUnreachableError(f"{self._server} does not answer: {error}") from error


def _written(value: object) -> object:
    """A value as the driver sends it: an instant as whole microseconds, since it would round those before 1970."""
    return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value


def _read_as(type_: str) -> Callable[[Any], Any]:
    """How a value of a column's type looks in JSON."""
    if found := INSTANT.match(type_):
        length = len("2026-01-01 00:00:00.") + int(found[1])
        return lambda value: None if value is None else as_instant(value)[:length]
    return _plain


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str() | float():
            return value
        case list() | tuple():
            return [_plain(one) for one in value]
        case datetime():
            return as_instant(value)[: len("2026-01-01 00:00:00")]
        case date():
            return value.isoformat()
    raise TypeError(f"a column of {type(value).__name__} is not read by boards")
