"""Where do boards read? From a store in ClickHouse form: a copy of the ledger, deleted and rebuilt at will.

The embedded engine keeps it in the serving process (`streams.store.chdb_store`); a ClickHouse server plugs in here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

Parameter = str | int
Table = Literal["facts", "findings", "quarantine"]
TABLES: tuple[Table, ...] = ("facts", "findings", "quarantine")


class BoardStore(Protocol):
    """What the sink writes and boards read."""

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[dict[str, Any]]:
        """The rows of a SELECT; `parameters` fill its typed places, such as `{trial:String}`."""
        ...

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Appends rows, durably. The same row twice is one row."""
        ...

    def wipe(self) -> None:
        """Forgets everything: the ledger tells it again."""
        ...

    def close(self) -> None:
        """Lets go of the store."""
        ...
