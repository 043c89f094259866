"""What does the live page need of the rest? Four ports: a store to read, how far it is, a home, its notices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

Notify = Callable[[Mapping[str, int]], None]


class StoredPositions(Protocol):
    """How far the store is: what the sink knows."""

    written: Mapping[str, int]
    """Facts written by this process, by family."""
    failure: str | None
    """Why nothing is written any more, if so."""

    def stored(self, trial: str) -> int:
        """Everything up to this position can be read."""

    def trials(self) -> tuple[str, ...]:
        """The trials that have facts."""

    def waiting(self) -> int:
        """Batches not yet written."""

    def listen(self, notify: Notify) -> None:
        """Calls `notify`, on the sink's own thread, with the positions that moved."""


class HomePort(Protocol):
    """The home that is being served."""

    def receive(self, messages: Sequence[tuple[bytes, str]]) -> Sequence[dict[str, Any]]:
        """Takes messages (raw bytes, address) in one durable step; gives one outcome for each, in order.

        An outcome is `{"outcome": "accepted" | "duplicate" | "conflict" | "quarantined", "address": …}` with the
        position, or with what is wrong.
        """

    def head(self, trial: str) -> int:
        """The last position of the ledger."""

    def findings(self, trial: str, as_of: int, happened_by: date | None, kind: str | None) -> Iterator[bytes]:
        """What stands at a position, as canonical lines."""

    def history(self, trial: str, record: str | None, participant: str | None, finding: str | None) -> Iterator[bytes]:
        """Every revision and change of one thing, or of everything, as canonical lines."""
