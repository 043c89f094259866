"""What would the `eventsourcing` package make of a ledger? One aggregate for the trial, its facts as events, on SQLite.

A fact is stored as Python values: an instant as a datetime, a measured value as a Decimal, as the package's own
transcoder writes and reads them. What a replay does with a fact is as little as can be: it keeps it under its record.
"""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from pydantic import BaseModel

from schemas import AnyFact

BATCH = 1_000


class TrialLedger(Aggregate):
    """The facts of a trial, by record."""

    @event("Begun")
    def __init__(self) -> None:
        self.records: dict[str, tuple[int, str | None, datetime, dict[str, Any]]] = {}

    @event("Said")
    def say(self, record: str, revision: int, subject: str | None, time: datetime, data: dict[str, Any]) -> None:
        self.records[record] = (revision, subject, time, data)


class EventStore:
    """A file with the events of one trial."""

    def __init__(self, file: Path, facts: Iterable[AnyFact]) -> None:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
        self._application = Application[UUID](env=settings)
        ledger = TrialLedger()
        self._name = ledger.id
        for number, fact in enumerate(facts, 1):
            ledger.say(fact.key, fact.revision, fact.subject, fact.time, _plain(fact.data))
            if number % BATCH == 0:
                self._application.save(ledger)
        self._application.save(ledger)

    def replay(self) -> int:
        """The trial from its events; gives how many records it has."""
        return len(self._application.repository.get(self._name).records)

    def close(self) -> None:
        """Lets go of the file."""
        self._application.close()


def _plain(value: Any) -> Any:
    """Values that the package's transcoder knows: mappings, lists, texts, Decimals, datetimes."""
    if isinstance(value, BaseModel):
        return {name: _plain(part) for name, part in value if part is not None}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(part) for part in value]
    return value.isoformat() if type(value) is date else value
