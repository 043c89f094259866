"""What stands on every page? The trial, the cut, the protocol in force, the sources and how long each was silent."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from clinical.protocol import Protocol, read_protocol
from dashboards.live.asking import Asking
from dashboards.live.cuts import Cut, read_instant
from dashboards.panels import Row
from dashboards.panels.cuts import IN_FORCE, NAMED
from dashboards.panels.pipeline import SOURCES

FRESH, SLOW = timedelta(days=3), timedelta(days=10)
"""A source that spoke within three days, a long weekend, is fresh; after ten it is silent. It is only a mark."""

NOT_FROM_SITES = {"trial", "people"}
"""Families that speak of the trial itself, when there is something to say: their silence means nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source and how long it has been silent, by the ledger's own clock."""

    name: str
    last: datetime
    silent: timedelta

    @property
    def state(self) -> str:
        """`fresh`, `slow` or `silent`."""
        return "fresh" if self.silent <= FRESH else "slow" if self.silent <= SLOW else "silent"


class Frame:
    """What stands on every page at a cut. Asked for when it is made; each part waits for its own answer."""

    def __init__(self, ask: Asking, cut: Cut, head: int) -> None:
        self.ask = ask
        self.cut = cut
        self.head = head
        """The last position of the ledger itself."""
        self._sources = ask(SOURCES)
        self._in_force = ask(IN_FORCE)
        self._named = ask.at(cut.newest)(NAMED)

    @cached_property
    def protocol(self) -> Protocol | None:
        """The protocol in force; None before the first."""
        rows = self._in_force()
        return read_protocol(rows[0]["protocol"]) if rows else None

    @property
    def clock(self) -> str | None:
        """`system` or `simulated`."""
        rows = self._in_force()
        return rows[0]["clock"] if rows else None

    @property
    def named(self) -> list[Row]:
        """The cuts that have a name, newest first."""
        return self._named()

    @property
    def families(self) -> list[Row]:
        """Facts by source and family."""
        return self._sources()

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The sources that speak of participants, the most silent first."""
        by_name: dict[str, list[Row]] = defaultdict(list)
        for row in self.families:
            if row["family"] not in NOT_FROM_SITES:
                by_name[row["source"]].append(row)
        return tuple(sorted((_source(*told) for told in by_name.items()), key=lambda one: one.silent, reverse=True))

    @property
    def earlier(self) -> list[tuple[str, str]]:
        """Cuts a while before this one: words and what stands in the address."""
        if self.cut.recorded is None:
            return []
        steps = (("a day earlier", 1), ("a week earlier", 7), ("30 days earlier", 30))
        return [(words, f"{self.cut.recorded - timedelta(days=days):%Y-%m-%dT%H:%MZ}") for words, days in steps]

    def group_name(self, scope: str) -> str:
        """What boards call a group."""
        return self.protocol.groups[scope].name if self.protocol and scope in self.protocol.groups else scope

    @property
    def rules_that_only_end(self) -> frozenset[str]:
        """The rules by which treatment ends for no toxicity."""
        rules = self.protocol.participant_rules if self.protocol else ()
        return frozenset(rule.id for rule in rules if rule.only_ends)

    def groups(self, told: Sequence[str]) -> list[tuple[str, str]]:
        """The groups of the protocol in its order, then any other that is told of, each with its name."""
        known = [*(self.protocol.groups if self.protocol else ())]
        return [(scope, self.group_name(scope)) for scope in [*known, *sorted({*told} - {*known})]]


def _source(name: str, told: Sequence[Row]) -> Source:
    last = max(read_instant(row["last_recorded"]) for row in told)
    return Source(name, last, timedelta(seconds=min(row["silent_seconds"] for row in told)))
