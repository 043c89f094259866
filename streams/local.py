"""How do the arrows meet in one process? A home: one folder, one writer, facts in, findings out.

What comes in goes through intake, then through the monitor, then to the listeners (the store, the live page): each
after the one before it is durable. What a crash cuts off is caught up when the home is opened again.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from schemas.findings import Change
from streams.batch import Batch, StoredFact
from streams.holding import Hold
from streams.intake import Accepted, Clock, Intake, Message, Outcome, Unusable, system_clock
from streams.ledger.sqlite import Ledger
from streams.monitor import Monitor

LEDGER = "ledger.sqlite"

Listener = Callable[[Batch], None]


class MonitorArrow(Protocol):
    """What a home needs of the monitor: changes with their trial, published when they are given."""

    def catch_up(self) -> tuple[tuple[str, Change], ...]:
        """Publishes what the ledger still owes."""

    def take(self, accepted: Sequence[Accepted]) -> tuple[tuple[str, Change], ...]:
        """Folds accepted facts and publishes what they changed."""


class Home:
    """A folder with a ledger, held for writing. Raises `HomeBusyError` where another process holds it.

    Example: `with Home(folder, "tocsin ingest") as home: home.receive([Message(line, "facts.ndjson:1")])`
    """

    def __init__(
        self,
        folder: Path,
        what: str = "tocsin",
        *,
        clock: Clock = system_clock,
        monitor: Callable[[Ledger], MonitorArrow] = Monitor,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            self._hold = Hold(folder, what)
            opened.callback(self._hold.release)
            self.ledger = Ledger(folder / LEDGER)
            opened.callback(self.ledger.close)
            self.monitor = monitor(self.ledger)
            self.monitor.catch_up()
            self._closing = opened.pop_all()
        self._intake = Intake(self.ledger, clock)
        self._writing = threading.RLock()
        self._listeners: list[Listener] = []
        self._last_quarantined = self.ledger.last_quarantined()

    @staticmethod
    def reading(folder: Path) -> Ledger:
        """The ledger of a home, for reading beside whoever holds it."""
        return Ledger.reading(folder / LEDGER)

    def served_at(self, url: str) -> None:
        """Says where this home takes facts over loopback."""
        self._hold.served_at(url)

    def listen(self, listener: Listener) -> None:
        """Calls `listener` after every durable batch, in order, on the thread that brought it."""
        with self._writing:
            self._listeners.append(listener)

    def receive(self, messages: Sequence[Message | Unusable]) -> tuple[Outcome, ...]:
        """Takes messages in order; when it returns, they and what follows from them are durable."""
        with self._writing:
            return self._followed(self._intake.receive(messages))

    def tick(self, now: datetime) -> tuple[Outcome, ...]:
        """Lets the hour strike in every trial of the system's clock; does nothing until the next one is full."""
        with self._writing:
            return self._followed(self._intake.tick(now))

    def close(self) -> None:
        """Lets go of the home; waits for who is writing. Nobody may be reading `ledger` any more."""
        with self._writing:
            self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _followed(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
        changes = self.monitor.take(accepted)
        quarantined = tuple(self.ledger.quarantined(after=self._last_quarantined))
        if quarantined:
            self._last_quarantined = quarantined[-1].number
        if accepted or quarantined:
            batch = Batch(tuple(_stored(one) for one in accepted), changes, quarantined)
            for listener in self._listeners:
                listener(batch)
        return outcomes


def _stored(accepted: Accepted) -> StoredFact:
    recorded = accepted.fact.recordedtime
    if recorded is None:
        raise LookupError(f"{accepted.trial}: position {accepted.position} has no stamp")
    return StoredFact(accepted.trial, accepted.position, accepted.fact, recorded)
