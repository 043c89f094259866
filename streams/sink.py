"""How does the ledger reach the boards? The sink copies facts, findings and quarantine into the store, in batches.

It is the store's only writer. Findings are written before the facts that they follow from, and only then the stored
position moves on: a page that reads up to the stored position never shows a conclusion ahead of its facts. Rows are
functions of what the ledger holds, so writing something twice does no harm, and a wiped store comes back the same.
"""

import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas import AnyFact
from streams.batch import Batch, QuarantinedMessage, StoredFact
from streams.rows import change_row, fact_row, finding_row, quarantine_row
from streams.store import BoardStore, Row, as_instant

EVERY_SECONDS = 0.05
"""The least time between two writes: a fact alone is written at once, a flood in batches."""
LARGEST_WRITE = 20_000
WAITING_BATCHES = 2_000


class ReadableLedger(Protocol):
    """What the sink reads to catch up."""

    def trials(self) -> Iterable[str]:
        """Every trial that has a ledger."""

    def facts(self, trial: str, after: int = 0, until: int | None = None) -> Iterator[tuple[int, AnyFact]]:
        """Its facts with their positions, in order."""

    def published_up_to(self, trial: str) -> int:
        """The position up to which every finding is published."""

    def published(self, trial: str, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Its findings as published: position, ordinal, canonical bytes."""

    def quarantined(self, after: int = 0) -> Iterator[QuarantinedMessage]:
        """What is no fact, in order of its numbers."""


Notify = Callable[[Mapping[str, int]], None]


class Sink:
    """Writes batches into a store on a thread of its own, and knows how far each trial is stored."""

    def __init__(self, store: BoardStore) -> None:
        self._store = store
        self._waiting: queue.Queue[Batch | None] = queue.Queue(WAITING_BATCHES)
        self._listeners: list[Notify] = []
        self._positions = {
            row["trial"]: int(row["newest"])
            for row in store.query("SELECT trial, max(position) AS newest FROM facts GROUP BY trial")
        }
        self.written: Counter[str] = Counter()
        """Facts written by this process, by family."""
        self._next_write = 0.0
        self.failure: str | None = None
        """Why it no longer writes, if so. The ledger goes on; the store is caught up at the next start."""
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)

    def listen(self, notify: Notify) -> None:
        """Calls `notify` with the stored positions that moved, after each durable write, on the sink's thread."""
        self._listeners.append(notify)

    def start(self) -> None:
        """Begins to write what is put."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hands over one batch; waits only where thousands are waiting already."""
        while self.failure is None:
            try:
                return self._waiting.put(batch, timeout=1)
            except queue.Full:
                continue
        return None

    def close(self) -> None:
        """Writes what was put and ends the thread."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def stored(self, trial: str) -> int:
        """How far the store is: every fact up to this position, and all that follows from them, can be read."""
        return self._positions.get(trial, 0)

    def trials(self) -> tuple[str, ...]:
        """The trials that have stored facts."""
        return tuple(sorted(self._positions))

    def waiting(self) -> int:
        """Batches not yet written."""
        return self._waiting.qsize()

    def catch_up(self, ledger: ReadableLedger) -> int:
        """Copies what the store does not have, as far as its findings are published; gives the number of facts.

        A store of another ledger is wiped first.
        """
        if any(not self._is_of(ledger, trial, position) for trial, position in self._positions.items()):
            self._store.wipe()
            self._positions.clear()
        self._write([Batch(quarantined=tuple(ledger.quarantined(after=self._newest_quarantined())))])
        return sum(self._catch_up_trial(ledger, trial) for trial in ledger.trials())

    def _catch_up_trial(self, ledger: ReadableLedger, trial: str) -> int:
        after = self.stored(trial)
        published = _Lookahead(ledger.published(trial, after))
        copied = 0
        for chunk in _in_chunks(ledger.facts(trial, after, ledger.published_up_to(trial)), LARGEST_WRITE):
            findings = [finding_row(json.loads(body), body) for body in published.up_to(chunk[-1][0])]
            self._commit([fact_row(StoredFact(trial, *known)) for known in map(_recorded, chunk)], findings, [])
            copied += len(chunk)
        return copied

    def _is_of(self, ledger: ReadableLedger, trial: str, position: int) -> bool:
        """Whether the last stored fact of a trial is the ledger's own at that position."""
        stored = self._store.query(
            "SELECT source, record, revision, toString(recorded) AS recorded FROM facts "
            "WHERE trial = {trial:String} AND position = {position:UInt64} LIMIT 1",
            {"trial": trial, "position": position},
        )
        for _, fact in ledger.facts(trial, position - 1, position):
            (row,) = stored
            recorded = as_instant(_recorded((position, fact))[2])
            return bool(
                (row["source"], row["record"], row["revision"]) == (fact.source, fact.record, fact.revision)
                and row["recorded"] == recorded
            )
        return False

    def _newest_quarantined(self) -> int:
        return int(self._store.query("SELECT max(number) AS newest FROM quarantine")[0]["newest"])

    def _run(self) -> None:
        try:
            while (batches := self._gathered()) is not None:
                self._write(batches)
        except RuntimeError as error:
            self.failure = str(error)
            raise

    def _gathered(self) -> list[Batch] | None:
        """The next batches: all that wait, or come before it is time to write, as long as one write can hold them."""
        first = self._waiting.get()
        if first is None:
            return None
        batches, size = [first], len(first.facts)
        while size < LARGEST_WRITE:
            try:
                following = self._waiting.get(timeout=max(0.0, self._next_write - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            batches.append(following)
            size += len(following.facts)
        self._next_write = time.monotonic() + EVERY_SECONDS
        return batches

    def _write(self, batches: Sequence[Batch]) -> None:
        facts = [fact_row(stored) for batch in batches for stored in batch.facts]
        findings = [change_row(trial, change) for batch in batches for trial, change in batch.changes]
        self._commit(facts, findings, [quarantine_row(message) for batch in batches for message in batch.quarantined])

    def _commit(self, facts: list[Row], findings: list[Row], quarantined: list[Row]) -> None:
        self._store.insert("findings", findings)
        self._store.insert("quarantine", quarantined)
        self._store.insert("facts", facts)
        self.written.update(row["family"] for row in facts)
        moved = {row["trial"]: row["position"] for row in facts}
        self._positions = self._positions | moved
        for notify in self._listeners:
            notify(moved)


class _Lookahead:
    """The published findings of a trial, taken position by position."""

    def __init__(self, published: Iterator[tuple[int, int, bytes]]) -> None:
        self._published = published
        self._next = next(published, None)

    def up_to(self, position: int) -> Iterator[bytes]:
        """Every finding not yet taken whose position is at most this."""
        while self._next is not None and self._next[0] <= position:
            yield self._next[2]
            self._next = next(self._published, None)


def _in_chunks(facts: Iterator[tuple[int, AnyFact]], size: int) -> Iterator[list[tuple[int, AnyFact]]]:
    chunk: list[tuple[int, AnyFact]] = []
    for known in facts:
        chunk.append(known)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _recorded(known: tuple[int, AnyFact]) -> tuple[int, AnyFact, datetime]:
    position, fact = known
    if fact.recordedtime is None:
        raise ValueError(f"the fact at position {position} has no recorded time: intake stamps every one")
    return position, fact, fact.recordedtime
