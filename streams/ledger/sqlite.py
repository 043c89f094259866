"""Where does an embedded home keep its facts? In one SQLite file, append-only, with one writer and any readers.

Every `append` is one durable transaction: write-ahead log, full sync. Readers have connections of their own and
neither wait for the writer nor stop it. What may name a person is sealed (`streams.ledger.sealing`); the keys stand in
a table of their own, and destroying one edits nothing else.
"""

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import schemas
from clinical.admission import NEEDED_WHOLE
from schemas import AnyFact
from streams.ledger.reading import Quarantined
from streams.ledger.sealing import KEY_BYTES, NONCE_BYTES, digest, opened, seal, unseal

FORMAT = 1
"""The format of the file: `PRAGMA user_version`."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PAGE = 1_000
"""Rows read at a time: a reader that pauses between pages holds no snapshot."""

PATIENCE = timedelta(seconds=5)
"""How long a writer waits for whoever is in its way."""

TOGETHER = 50
"""Rows of one INSERT: what a statement costs by itself, and AUTOINCREMENT most of all, is paid once for all of them."""

KEYS_DRAWN = 256
"""Keys drawn from the system's randomness at a time."""


class Key(NamedTuple):
    """The key of one record."""

    number: int
    secret: bytes


class Entry(NamedTuple):
    """One admitted fact, ready to be appended."""

    trial: str
    position: int
    recorded: datetime
    source: str
    record: str
    revision: int
    type: str
    subject: str | None
    digest: bytes
    canonical: bytes
    raw: bytes
    key: Key


class Refused(NamedTuple):
    """One message for quarantine."""

    received: datetime
    address: str
    trial: str | None
    source: str | None
    path: str
    message: str
    raw: bytes


class Identity(NamedTuple):
    """What admission needs of a fact in the ledger; `fact` only where it needs the whole of it."""

    position: int
    recorded: datetime
    record: str
    type: str
    subject: str | None
    revision: int
    digest: bytes
    fact: AnyFact | None


class Ledger:
    """The ledger file of a home. `Ledger(path)` writes, `Ledger.reading(path)` only reads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._writer = None if read_only else _writing(path)
        self._readers = _Readers(path)
        self._readers.connection()
        self._stored_keys = self._last_key()
        self._next_key = self._stored_keys + 1
        self._drawn: list[bytes] = []

    @classmethod
    def reading(cls, path: Path) -> "Ledger":
        """A ledger for reading beside whoever writes it; it must exist."""
        return cls(path, read_only=True)

    def close(self) -> None:
        """Closes every connection, also those of other threads: nobody may be reading."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()

    # -- writing

    def draw_key(self) -> Key:
        """A new key, stored when the first fact under it is appended."""
        if not self._drawn:
            chance = secrets.token_bytes(KEY_BYTES * KEYS_DRAWN)
            self._drawn = [chance[start : start + KEY_BYTES] for start in range(0, len(chance), KEY_BYTES)]
        key = Key(self._next_key, self._drawn.pop())
        self._next_key += 1
        return key

    def append(self, entries: Sequence[Entry], refused: Sequence[Refused] = ()) -> tuple[int, ...]:
        """Appends facts and quarantines messages, all of them durably or none; gives the numbers in quarantine."""
        nonces = secrets.token_bytes(NONCE_BYTES * len(entries))
        rows = [_row(entry, nonces[NONCE_BYTES * n : NONCE_BYTES * (n + 1)]) for n, entry in enumerate(entries)]
        keys = {entry.key.number: entry.key.secret for entry in entries if entry.key.number > self._stored_keys}
        with self._transaction() as connection:
            _insert(connection, "ledger", 13, rows)
            _insert(connection, "keys", 2, tuple(keys.items()))
            numbers = tuple(self._quarantine(connection, one) for one in refused)
        self._stored_keys = self._next_key - 1
        return numbers

    def publish(self, trial: str, rows: Sequence[tuple[int, int, bytes]], up_to: int) -> None:
        """Keeps (position, ordinal, canonical bytes) of changes, and moves the mark to `up_to`, in one transaction.

        What lies at or below the mark is published already; other bytes there would be our mistake.
        """
        mark = self.published_up_to(trial)
        for position, ordinal, body in rows:
            if position <= mark and self._body(trial, position, ordinal) != body:
                raise LookupError(f"{trial}: position {position} was published with other findings")
        with self._transaction() as connection:
            _insert(connection, "published", 4, [(trial, *row) for row in rows if row[0] > mark])
            connection.execute(
                "INSERT INTO marks VALUES (?, 'published', ?) ON CONFLICT DO UPDATE SET position = excluded.position",
                (trial, max(up_to, mark)),
            )

    def destroy_key(self, trial: str, source: str, record: str, *, patience: timedelta = PATIENCE) -> int:
        """Makes everything sealed about a record unreadable for good; gives how many keys were destroyed.

        Raises TimeoutError where a reader goes on reading the past in which the key was there.
        """
        which = "SELECT DISTINCT key FROM ledger WHERE trial = ? AND source = ? AND record = ?"
        with self._transaction() as connection:
            count = connection.execute(f"DELETE FROM keys WHERE number IN ({which})", (trial, source, record)).rowcount
        self._forget_log(patience)
        return count

    def _forget_log(self, patience: timedelta) -> None:
        """Empties the write-ahead log: a destroyed key must not stand there either."""
        self._connection().execute(f"PRAGMA busy_timeout = {patience // timedelta(milliseconds=1)}")
        busy = self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise TimeoutError("the key is destroyed, but a reader keeps its bytes in the log: end it, and do it again")

    def _quarantine(self, connection: sqlite3.Connection, one: Refused) -> int:
        """Keeps a message once per address: sent again, it keeps its number."""
        hashed = hashlib.sha256(one.raw).digest()
        address = _storable(one.address)
        known = connection.execute(
            "SELECT number FROM quarantine WHERE address = ? AND digest = ?", (address, hashed)
        ).fetchone()
        if known:
            return int(known[0])
        number: int = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM quarantine").fetchone()[0]
        key = self.draw_key()
        sealed = seal(key.secret, secrets.token_bytes(NONCE_BYTES), one.raw, hashed)
        connection.execute("INSERT INTO keys VALUES (?, ?)", key)
        connection.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                microseconds(one.received),
                address,
                one.trial,
                one.source,
                hashed,
                _storable(one.path),
                _storable(one.message),
                key.number,
                sealed,
            ),
        )
        return number

    def _connection(self) -> sqlite3.Connection:
        if self._writer is None:
            raise PermissionError(f"{self._path} was opened for reading")
        return self._writer

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back when anything is raised
            yield connection

    # -- reading

    def trials(self) -> tuple[str, ...]:
        """The trials that have a ledger, by name. It steps from name to name and reads no facts between."""
        rows = self._readers.rows(
            "WITH RECURSIVE name(trial) AS (SELECT min(trial) FROM ledger UNION ALL "
            "SELECT (SELECT min(trial) FROM ledger WHERE trial > name.trial) FROM name WHERE name.trial IS NOT NULL) "
            "SELECT trial FROM name WHERE trial IS NOT NULL"
        )
        return tuple(trial for (trial,) in rows)

    def head(self, trial: str) -> int:
        """The last position of a trial; 0 where there is none."""
        return int(self._one("SELECT coalesce(max(position), 0) FROM ledger WHERE trial = ?", trial)[0])

    def canonical(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The canonical bytes of the facts of a trial, in order: those there are when it is asked."""
        yield from self._paged("position, canonical", trial, after, until)

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, AnyFact]]:
        """The facts of a trial in order, with their positions."""
        for position, canonical in self._paged("position, canonical", trial, after, until):
            yield position, schemas.read(canonical)

    def identities(self, trial: str) -> Iterator[Identity]:
        """What admission needs of every fact of a trial, in order."""
        whole = ", ".join(f"'{type_}'" for type_ in schemas.FACTS if type_.split(".")[1] in NEEDED_WHOLE)
        columns = (
            "position, recorded, source || '|' || record, type, subject, revision, digest, "
            f"CASE WHEN type IN ({whole}) THEN canonical END"
        )
        for position, recorded, record, type_, subject, revision, said, canonical in self._paged(columns, trial, 0):
            fact = schemas.read(canonical) if canonical is not None else None
            yield Identity(position, _instant(recorded), record, type_, subject, revision, said, fact)

    def position_at(self, trial: str, instant: datetime) -> int:
        """What was known at an instant: the last position recorded by then. The stamps never go backwards."""
        asked = microseconds(instant)
        known, unknown = 0, self.head(trial) + 1
        while unknown - known > 1:
            middle = (known + unknown) // 2
            recorded = self._one("SELECT recorded FROM ledger WHERE trial = ? AND position = ?", trial, middle)[0]
            known, unknown = (middle, unknown) if recorded <= asked else (known, middle)
        return known

    def key_at(self, trial: str, position: int) -> Key | None:
        """The key of the record that a position speaks of; None once it is destroyed."""
        row = self._one_or_none(
            "SELECT number, keys.key FROM ledger JOIN keys ON number = ledger.key WHERE trial = ? AND position = ?",
            trial,
            position,
        )
        return Key(*row) if row else None

    def raw(self, trial: str, position: int) -> bytes | None:
        """The message as it came; None once its record is redacted."""
        key = self.key_at(trial, position)
        if key is None:
            return None
        sealed, said = self._one("SELECT sealed, digest FROM ledger WHERE trial = ? AND position = ?", trial, position)
        return unseal(key.secret, sealed, said)

    def opened(self, trial: str, position: int) -> dict[str, str] | None:
        """The free text of a fact by its path, such as `data.verbatim`; None once its record is redacted."""
        raw = self.raw(trial, position)
        return None if raw is None else opened(raw, f"{trial}: position {position}")

    def published(self, trial: str, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Every change as it was published: position, ordinal, canonical bytes."""
        last = (after, 1 << 62)
        sql = (
            "SELECT position, ordinal, body FROM published WHERE trial = ? AND (position, ordinal) > (?, ?) "
            f"ORDER BY position, ordinal LIMIT {PAGE}"
        )
        while rows := self._readers.rows(sql, trial, *last):
            yield from rows
            last = rows[-1][:2]

    def published_up_to(self, trial: str) -> int:
        """The position up to which every change is published."""
        row = self._one_or_none("SELECT position FROM marks WHERE trial = ? AND name = 'published'", trial)
        return int(row[0]) if row else 0

    def quarantined(self, after: int = 0) -> Iterator[Quarantined]:
        """The messages in quarantine, in order of their numbers."""
        sql = (
            "SELECT number, received, address, trial, source, digest, path, message FROM quarantine "
            f"WHERE number > ? ORDER BY number LIMIT {PAGE}"
        )
        while rows := self._readers.rows(sql, after):
            for number, received, address, trial, source, hashed, path, message in rows:
                yield Quarantined(number, _instant(received), address, trial, source, hashed.hex(), path, message)
            after = rows[-1][0]

    def last_quarantined(self) -> int:
        """The last number in quarantine; 0 where there is none."""
        return int(self._one("SELECT coalesce(max(number), 0) FROM quarantine")[0])

    def quarantined_raw(self, number: int) -> bytes | None:
        """A message in quarantine as it came; None once its key is destroyed."""
        row = self._one_or_none(
            "SELECT keys.key, sealed, digest FROM quarantine JOIN keys ON keys.number = quarantine.key "
            "WHERE quarantine.number = ?",
            number,
        )
        return unseal(*row) if row else None

    def _last_key(self) -> int:
        row = self._one_or_none("SELECT seq FROM sqlite_sequence WHERE name = 'keys'")
        return int(row[0]) if row else 0

    def _body(self, trial: str, position: int, ordinal: int) -> bytes | None:
        row = self._one_or_none(
            "SELECT body FROM published WHERE trial = ? AND position = ? AND ordinal = ?", trial, position, ordinal
        )
        return row[0] if row else None

    def _paged(self, columns: str, trial: str, after: int, until: int | None = None) -> Iterator[tuple[Any, ...]]:
        last = self.head(trial) if until is None else min(until, self.head(trial))
        sql = f"SELECT {columns} FROM ledger WHERE trial = ? AND position > ? AND position <= ? ORDER BY position"
        for start in range(after, last, PAGE):
            yield from self._readers.rows(sql, trial, start, min(start + PAGE, last))

    def _one(self, sql: str, *parameters: object) -> tuple[Any, ...]:
        row = self._one_or_none(sql, *parameters)
        if row is None:
            raise LookupError(f"not in the ledger: {parameters}")
        return row

    def _one_or_none(self, sql: str, *parameters: object) -> tuple[Any, ...] | None:
        rows = self._readers.rows(sql, *parameters)
        return rows[0] if rows else None


class _Readers:
    """A reading connection for each thread: two threads on one would share its snapshot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection().execute(sql, parameters).fetchall()

    def connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            address = f"{self._path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            self._own.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._own = threading.local()


def _writing(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, PATIENCE.total_seconds(), isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {setting}")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        tables = (files("streams.ledger") / "sqlite.sql").read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE; {tables} PRAGMA user_version = {FORMAT}; COMMIT;")
    elif version != FORMAT:
        connection.close()
        raise OSError(f"{path} has the format {version}; this version of Tocsin writes the format {FORMAT}")
    return connection


def _insert(connection: sqlite3.Connection, table: str, columns: int, rows: Sequence[Sequence[object]]) -> None:
    """Inserts rows in their order."""
    one = f"({', '.join('?' * columns)})"
    whole = len(rows) - len(rows) % TOGETHER
    for start in range(0, whole, TOGETHER):
        values = tuple(chain.from_iterable(rows[start : start + TOGETHER]))
        connection.execute(f"INSERT INTO {table} VALUES {', '.join([one] * TOGETHER)}", values)
    connection.executemany(f"INSERT INTO {table} VALUES {one}", rows[whole:])


def _row(entry: Entry, nonce: bytes) -> tuple[object, ...]:
    """The columns of a fact. The sealed message is bound to what the fact says, so that it opens nowhere else."""
    trial, position, recorded, source, record, revision, type_, subject, said, canonical, raw, (number, secret) = entry
    sealed = seal(secret, nonce, raw, said)
    stamp = microseconds(recorded)
    salted = digest(secret, raw)
    return trial, position, stamp, source, record, revision, type_, subject, said, salted, number, canonical, sealed


@lru_cache
def microseconds(instant: datetime) -> int:
    """An instant as the columns hold it."""
    return (instant - EPOCH) // MICROSECOND


@lru_cache
def _instant(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _storable(text: str) -> str:
    """A text that SQLite can keep: a file name may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode()
