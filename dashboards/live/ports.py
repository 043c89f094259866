"""What does the live page need of the rest? A store to read, how far it is, and the home that is being served."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the way of a fact, over the whole home."""

    words: str
    """What goes where: `messages → ledger`."""
    who: str
    """Who does it."""
    waiting: int
    """What waits for it."""
    unit: str = "record"
    held: int | None = 0
    """Messages that wait for others of their file which have not come; None: too many wait to tell."""
    stuck: tuple[str, ...] = ()
    """Where something is owed and nothing moves."""
    works: bool = True
    """Whether it has ever done anything."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How far everything has come."""

    hops: tuple[Hop, ...]
    evaluated: int
    """The last position of the trial up to which every finding is published."""
    failure: str | None = None
    """Why this is not how it stands now, if so."""


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

    def pipeline(self, trial: str) -> Pipeline:
        """How far each step has come, and of the trial how far it is evaluated."""

    def findings(self, trial: str, as_of: int, happened_by: date | None, kind: str | None) -> Iterator[bytes]:
        """What stands at a position, as canonical lines."""

    def history(
        self, trial: str, as_of: int, record: str | None, participant: str | None, finding: str | None
    ) -> Iterator[bytes]:
        """Every revision and change of one thing, or of everything, as canonical lines."""
