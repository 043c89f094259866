"""Where do boards read? From a store in ClickHouse form: a copy of the ledger, deleted and rebuilt at will.

The embedded engine keeps it in the serving process (`streams.store.chdb_store`); the distributed one on a ClickHouse
server (`streams.store.clickhouse`). Both run the same SQL.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, get_args

Parameter = str | int
Row = dict[str, Any]
Table = Literal["facts", "findings", "quarantine", "progress"]
TABLES: tuple[Table, ...] = get_args(Table)


class StoreError(RuntimeError):
    """The store refuses: what it said, in one line, and nothing of what was to be stored."""


class StoreUnreachableError(StoreError):
    """The store does not answer: whether an insert arrived is not known."""


class BoardStore(Protocol):
    """What the sink writes and boards read."""

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        """The rows of a SELECT; `parameters` fill its typed places, such as `{trial:String}`. Instants are texts."""
        ...

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Appends rows, durably. The same row twice is one row; the same batch again is not even kept."""
        ...

    def wipe(self) -> None:
        """Forgets everything: the ledger tells it again."""
        ...

    def close(self) -> None:
        """Lets go of the store."""
        ...


def as_instant(value: datetime) -> str:
    """An instant as a DateTime64 column and `{t:DateTime64(6, 'UTC')}` read it: UTC, without a zone in the text."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def checked(parameters: Mapping[str, Parameter] | None) -> dict[str, Parameter]:
    """Parameters that an engine reads back as they were given. None and floats have no such form."""
    for value in (parameters or {}).values():
        if not isinstance(value, str | int):
            raise TypeError(f"a parameter is text or a whole number, not {type(value).__name__}")
    return dict(parameters or {})
