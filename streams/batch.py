"""What does one durable transaction of the ledger bring? A batch: facts, what they changed, what is no fact."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas import AnyFact
from schemas.findings import Change


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact as the ledger holds it."""

    trial: str
    position: int
    fact: AnyFact
    recorded: datetime


class QuarantinedMessage(Protocol):
    """A message that is no fact, as the ledger keeps it."""

    @property
    def number(self) -> int:
        """Its number in the quarantine, from 1."""

    @property
    def received(self) -> datetime:
        """When it came."""

    @property
    def address(self) -> str:
        """File and line, or topic, partition and offset."""

    @property
    def path(self) -> str:
        """The path of the field that is wrong."""

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""

    @property
    def digest(self) -> str:
        """The digest of the raw bytes."""

    @property
    def trial(self) -> str | None:
        """The trial it named, where that could be read."""

    @property
    def source(self) -> str | None:
        """The source it named, where that could be read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one durable transaction of the ledger brought."""

    facts: tuple[StoredFact, ...] = ()
    changes: tuple[tuple[str, Change], ...] = ()
    """Each with its trial."""
    quarantined: tuple[QuarantinedMessage, ...] = ()
