"""Which numbers do people see? Each panel is one definition: what it means, its query, and how it is drawn.

The same definition gives the live page, a Grafana panel and a figure in the book. Every query has the parameters
`{trial:String}` and `{as_of:UInt64}`: a panel is a function of the ledger up to a position, and of nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Row = dict[str, Any]
Parameter = str | int


class Reader(Protocol):
    """A store in ClickHouse form."""

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        """The rows of a SELECT."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    title: str
    kind: Literal["text", "number", "instant", "grade"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Drawn as a table."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Drawn by Vega-Lite; the rows come in as the data set `rows`."""

    spec: Mapping[str, Any]

    def with_data(self, rows: Sequence[Row], **more: Sequence[Row]) -> dict[str, Any]:
        """The chart with its data."""
        return {**self.spec, "datasets": {"rows": [*rows], **{name: [*values] for name, values in more.items()}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    name: str
    title: str
    description: str
    """What the numbers mean, for whoever reads them."""
    sql: str
    encoding: Table | Chart
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters beside trial and as_of, with what they are when nobody chooses."""
    reads: tuple[str, ...] | None = None
    """The facts and kinds of finding that its numbers follow from: while none of them moves, neither do its numbers.

    None: it follows from every fact, or from more than the ledger.
    """

    def rows(self, store: Reader, trial: str, as_of: int, **chosen: Parameter) -> list[Row]:
        """The numbers at a cut."""
        return store.query(self.sql, {**self.parameters, **chosen, "trial": trial, "as_of": as_of})


def current(facts: Iterable[str]) -> str:
    """SQL: what is now said by each record of these facts, at the cut: its last revision, unless it was withdrawn."""
    names = ", ".join(f"'{fact}'" for fact in facts)
    return f"""
        SELECT * FROM (
            SELECT participant, fact, position, recorded, source, record, revision, occurred, data FROM facts
            WHERE trial = {{trial:String}} AND position <= {{as_of:UInt64}} AND fact IN ({names}, 'RecordWithdrawn')
            ORDER BY position DESC LIMIT 1 BY source, record)
        WHERE fact != 'RecordWithdrawn'"""


def standing(columns: str, *kinds: str) -> str:
    """SQL: what stands of some kinds of finding at the cut. Reading in key order is what makes any past cut cheap."""
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""
        SELECT * FROM (
            SELECT kind, key, state, {columns} FROM findings
            WHERE trial = {{trial:String}} AND kind IN ({names}) AND valid_from <= {{as_of:UInt64}}
            ORDER BY trial, kind, key, valid_from DESC LIMIT 1 BY trial, kind, key)
        WHERE state != 'withdrawn'"""
