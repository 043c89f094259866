"""What does the live page need of the rest? A store to read, how far it is, and the home that is being served."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

Notify = Callable[[Mapping[str, int]], None]


class StoredPositions(Protocol):
    """How far the store is: what the sink knows."""

    @property
    def written(self) -> Mapping[str, int]:
        """Facts written by this process, by family."""

    @property
    def failure(self) -> str | None:
        """Why nothing is written any more, if so."""

    def stored(self, trial: str) -> int:
        """Everything up to this position can be read."""

    def trials(self) -> tuple[str, ...]:
        """The trials that have facts."""

    def waiting(self) -> int:
        """Batches not yet written."""

    def listen(self, notify: Notify) -> None:
        """Calls `notify`, on the sink's own thread, with the positions that moved."""


class HomeDownError(RuntimeError):
    """The home does not take messages now: whether any of these arrived is not known."""


class HomePort(Protocol):
    """The home that is being served."""

    @property
    def packed(self) -> str:
        """The media type by which a command beside the server hands over messages with their own addresses."""

    def receive(self, messages: Sequence[tuple[bytes, str]]) -> Sequence[dict[str, Any]]:
        """Takes messages (raw bytes, address) in one durable step; gives the outcome of each as doors print it.

        A home on Kafka says where each was sent; what becomes of it is said later. Raises HomeDownError.
        """

    def receive_packed(self, body: bytes) -> Sequence[dict[str, Any]]:
        """The same for a body of the media type `packed`. Raises ValueError where it is none."""

    def head(self, trial: str) -> int:
        """The last position of the ledger."""

    def findings(self, trial: str, as_of: int, happened_by: date | None, kind: str | None) -> Iterator[bytes]:
        """What stands at a position, as canonical lines."""

    def history(
        self, trial: str, as_of: int, record: str | None, participant: str | None, finding: str | None
    ) -> Iterator[bytes]:
        """Every revision and change of one thing, or of everything, as canonical lines."""
