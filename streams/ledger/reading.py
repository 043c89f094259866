"""What do commands, pages and importers ask of a ledger? The same of both engines: they read here and never write."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas import AnyFact


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message in quarantine: where it came from and what is wrong with it."""

    number: int
    received: datetime
    address: str
    trial: str | None
    source: str | None
    digest: str
    path: str
    message: str


class ReadableLedger(Protocol):
    """The facts of every trial, in order, and what was published and refused."""

    def trials(self) -> tuple[str, ...]:
        """The trials that have a ledger, by name."""

    def head(self, trial: str) -> int:
        """The last position of a trial; 0 where there is none."""

    def canonical(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The canonical bytes of the facts of a trial, in order: those there are when it is asked."""

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, AnyFact]]:
        """The facts of a trial in order, with their positions."""

    def position_at(self, trial: str, instant: datetime) -> int:
        """What was known at an instant: the last position recorded by then."""

    def raw(self, trial: str, position: int) -> bytes | None:
        """The message as it came; None once its record is redacted."""

    def opened(self, trial: str, position: int) -> dict[str, str] | None:
        """The free text of a fact by its path, such as `data.verbatim`; None once its record is redacted."""

    def published(self, trial: str, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Every change as it was published: position, ordinal, canonical bytes."""

    def published_up_to(self, trial: str) -> int:
        """The position up to which every change is published."""

    def quarantined(self, after: int = 0) -> Iterator[Quarantined]:
        """The messages in quarantine, in order of their numbers."""

    def quarantined_raw(self, number: int) -> bytes | None:
        """A message in quarantine as it came; None once its key is destroyed."""

    def close(self) -> None:
        """Lets go of whatever it reads by."""
