"""Where did every row go? read = facts + merged + quarantined, domain by domain."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.importers.sdtm.messages import Message, Told, Unusable


class Line(NamedTuple):
    """One line of the closing summary."""

    domain: str
    read: int
    facts: int
    merged: int
    quarantined: int
    repeated: int
    """Of the merged rows, those that only repeat another word for word."""
    known: int
    """Of the facts, those that were in the ledger already."""

    @property
    def balanced(self) -> bool:
        """Whether every row of the domain is accounted for, once."""
        return self.read == self.facts + self.merged + self.quarantined


@dataclass(slots=True)
class Account:
    """What became of the rows: first as the importer sees it, then completed by what intake answered."""

    read: Mapping[str, int]
    facts: Counter[str] = field(default_factory=Counter)
    merged: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Quarantined rows by domain, variable or field, and reason."""

    @classmethod
    def of(cls, read: Mapping[str, int], told: Iterable[Told]) -> "Account":
        """The account as if intake accepted every message."""
        account = cls(read)
        for item in told:
            account._enter(item)
        return account

    def _enter(self, item: Told) -> None:
        if isinstance(item, Unusable):
            self.quarantined[item.row.domain] += 1
            self.reasons[item.row.domain, item.path, item.reason] += 1
            return
        self.facts.update(row.domain for row in item.rows[:1])
        self.merged.update(row.domain for row in item.rows[1:])
        self.repeated.update(row.domain for row in item.rows[:1] for _ in range(item.repeated))

    def refuse(self, message: Message, path: str, reason: str) -> None:
        """Intake quarantined a message (or found a conflict): its rows are quarantined with it."""
        self.facts.subtract(row.domain for row in message.rows[:1])
        self.merged.subtract(row.domain for row in message.rows[1:])
        self.repeated.subtract(row.domain for row in message.rows[:1] for _ in range(message.repeated))
        for row in message.rows:
            self.quarantined[row.domain] += 1
            self.reasons[row.domain, path, reason] += 1

    def know(self, message: Message) -> None:
        """Intake had the fact already: the folder was imported before."""
        self.known.update(row.domain for row in message.rows[:1])

    @property
    def balanced(self) -> bool:
        """Whether every row of every domain is accounted for, once."""
        return all(line.balanced for line in self.summary())

    def summary(self) -> list[Line]:
        """One line per domain that was read."""
        return [
            Line(
                domain,
                read,
                self.facts[domain],
                self.merged[domain],
                self.quarantined[domain],
                self.repeated[domain],
                self.known[domain],
            )
            for domain, read in self.read.items()
        ]
