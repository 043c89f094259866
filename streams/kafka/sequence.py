"""In which order are messages of nine topics taken, so that a file gives the same ledger as in one process?

The facts of a file are spread over the topics of their families, and a topic knows nothing of the order in another. So
our own sender writes in *windows*: some messages of one partition, spread over the families, all of them acknowledged
before the next window of that partition begins. Beside each message stands its place in its window; beside the first
one of a window also which offsets the same run had reached in each family before it. So whoever has received those
offsets has every earlier window of the run, and a window whose messages are all there is taken in the order of the
file. The first window of a run says so of everything that stood in the partition when it was sent: a file that is sent
after another is taken after it. An empty window ends a run, in every family it wrote to, and says the same of its last
one. Messages without such headers are taken at once.

A message that waits holds back the committed offset of its topic. After a restart from the committed offsets it comes
again, and nothing else has to be remembered: what lies before them was taken. A run that was cut off waits with its
last window until it is sent again: the same file is the same run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import orjson

from schemas.canonical import canonical
from streams.kafka.records import Headers, Received

WINDOW, AFTER = "window", "after"
"""The headers: `RUN/NUMBER/INDEX/SIZE`, and the offsets by family."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a message in its run. A window of size 0 ends the run."""

    run: str
    number: int
    """Of the window, from 0, among those of the run in this partition."""
    index: int
    """In the window, from 0."""
    size: int
    after: Mapping[str, int] = field(default_factory=dict)
    """The last offset in each family that comes before this window; told by its first message."""

    def headers(self) -> Headers:
        """As it stands beside the message."""
        window = (WINDOW, f"{self.run}/{self.number}/{self.index}/{self.size}".encode())
        return [window, (AFTER, canonical(self.after))] if self.index == 0 else [window]

    @classmethod
    def read(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self | None:
        """None where there is none, or where what stands there is none of ours: then the message waits for nobody."""
        said = dict(headers)
        try:
            run, *numbers = (said.get(WINDOW) or b"").decode().split("/")
            number, index, size = map(int, numbers)
            after = orjson.loads(said.get(AFTER) or b"{}")
        except ValueError:
            return None
        whole = isinstance(after, dict) and all(isinstance(offset, int) for offset in after.values())
        return cls(run, number, index, size, after) if whole and number >= 0 <= index and size >= 0 else None


class Place(NamedTuple):
    """A message that waits, and where it stands."""

    family: str
    record: Received


@dataclass(slots=True)
class _Run:
    """What is known of one run."""

    reached: int = -1
    """Every message of the windows before this one was taken, or waits here; -1: it has not begun."""
    waiting: dict[int, dict[int, list[Place]]] = field(default_factory=dict)
    """By window and index; what was sent again stands behind the first."""
    sizes: dict[int, int] = field(default_factory=dict)
    claims: dict[int, Mapping[str, int]] = field(default_factory=dict)
    """Of a window: what must be received before all earlier ones are known to be here."""
    ends_at: int | None = None
    """The number of the window that ends the run."""

    @property
    def begins_after(self) -> int:
        """What has begun goes on before anything begins; then whoever was sent after less."""
        first = self.claims[min(self.claims)] if self.claims else {}
        return -1 if self.reached >= 0 else sum(offset + 1 for offset in first.values())


class Sequencer:
    """The order of one partition over its raw topics. `received` are the committed offsets, by family."""

    def __init__(self, received: Mapping[str, int]) -> None:
        self._received = dict(received)
        self._runs: dict[str, _Run] = {}

    def receive(self, family: str, record: Received) -> list[Received]:
        """Takes up the next record of a family; gives the messages whose turn it is now, in order."""
        if record.offset < self._received.get(family, 0):
            return []
        self._received[family] = record.offset + 1
        turn = Turn.read(record.headers)
        if turn is None:
            return [record, *self._taken(self._runs)]
        run = self._runs.setdefault(turn.run, _Run())
        if turn.size == 0:
            run.ends_at = turn.number
        else:
            run.sizes[turn.number] = turn.size
            run.waiting.setdefault(turn.number, {}).setdefault(turn.index, []).append(Place(family, record))
        if turn.index == 0:
            run.claims[turn.number] = turn.after
        return self._taken(self._runs)

    def committable(self) -> dict[str, int]:
        """The offset of each family before which every message was given out."""
        offsets = dict(self._received)
        for family, record in self.held():
            offsets[family] = min(offsets[family], record.offset)
        return offsets

    def held(self) -> Iterator[Place]:
        """The messages that wait for others."""
        for run in self._runs.values():
            for window in run.waiting.values():
                for places in window.values():
                    yield from places

    def windows(self) -> Iterator[tuple[str, int, list[Received]]]:
        """The windows that wait: their run, their number, and what of them is here, in order."""
        for name, run in self._runs.items():
            for number in sorted(run.waiting):
                yield name, number, [record for _, record in _in_order(run.waiting[number])]

    def let_go(self, run: str, number: int) -> list[Received]:
        """Gives out a window that waits in vain: for a caller who knows that each of its messages was taken before."""
        return [record for _, record in _in_order(self._runs[run].waiting.pop(number))]

    def _taken(self, runs: Iterable[str]) -> list[Received]:
        taken: list[Received] = []
        for name in sorted(runs, key=lambda name: self._runs[name].begins_after):
            run = self._runs[name]
            taken.extend(record for _, record in self._due(run))
            if run.ends_at is not None and run.reached >= run.ends_at and not run.waiting:
                del self._runs[name]
        return taken

    def _due(self, run: _Run) -> Iterator[Place]:
        """What of a run is due: every window of which all earlier ones are here and which is whole, or was passed."""
        self._hear_claims(run)
        for number in sorted(run.waiting):
            whole = len(run.waiting[number]) >= run.sizes[number]
            if number > run.reached or (number == run.reached and not whole):
                return
            yield from _in_order(run.waiting.pop(number))
            if number == run.reached:
                run.reached += 1
                self._hear_claims(run)

    def _hear_claims(self, run: _Run) -> None:
        for number in sorted(run.claims):
            if number <= run.reached:
                del run.claims[number]
            elif self._has(run.claims[number]):
                run.reached = number
                del run.claims[number]

    def _has(self, after: Mapping[str, int]) -> bool:
        return all(offset < self._received.get(family, 0) for family, offset in after.items())


def _in_order(window: Mapping[int, list[Place]]) -> Iterator[Place]:
    for index in sorted(window):
        yield from window[index]
