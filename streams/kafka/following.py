"""How far can pages read? A thread of the server follows the topics, and says which trials moved and how far.

With a store of its own in the process it makes the copy itself, by the code of the sink. With a server that the sink
fills it only asks how far that has come. Either way a position is told when everything up to it can be read. What lies
beyond is counted by trial, so that a page can say how far the ledger itself is, and how far it is evaluated.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from sys import intern
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.topics import FINDINGS, LEDGER, QUARANTINE, Topic
from streams.kafka.client import reached
from streams.kafka.connection import Connection
from streams.kafka.copying import Copy, reached_of
from streams.kafka.leaving import TELLS_NO_BODY
from streams.kafka.log import FETCHING, Log
from streams.kafka.records import FormatError, Mark, Received, read_finding
from streams.store import BoardStore, Row, StoreUnreachableError

POLL_MS = 100
ASKED_EVERY_SECONDS = 2.0
"""How often a store that others fill is asked how far it has come, where nothing is known to be on its way."""

AGAIN_SECONDS = 1.0
"""How long to wait before a broker or a store that was away is tried again."""

LONGEST_TAIL = 100_000
"""Records beyond the store that are counted by trial; more are not read until these are stored."""

Notify = Callable[[Mapping[str, int]], None]

POSITIONS = "SELECT trial, max(position) AS newest FROM facts GROUP BY trial"
POSITIONS_OF = (
    "SELECT trial, max(position) AS newest FROM facts "
    "WHERE trial IN (SELECT arrayJoin(splitByChar('\\n', {trials:String}))) GROUP BY trial"
)


@dataclass(slots=True)
class Tail:
    """One partition of the ledger beyond what is stored: where the records of which trial lie."""

    stored: int = 0
    """The first ledger offset that is not stored."""
    evaluated: int = 0
    """The first one of which no mark says anything yet."""
    records: deque[tuple[int, str]] = field(default_factory=deque)

    def ledger(self, records: Iterable[Received]) -> set[str]:
        """Takes up records of the ledger, in order; gives the trials of those that are stored already."""
        moved = set[str]()
        for record in records:
            trial = intern((record.key or b"").decode(errors="replace"))
            if record.offset < self.stored:
                moved.add(trial)
            else:
                self.records.append((record.offset, trial))
        return moved

    def marked(self, mark: Mark) -> None:
        """Takes up a mark."""
        self.evaluated = max(self.evaluated, mark.next)

    def store(self, reached: int) -> set[str]:
        """Takes up how far the store has come; gives the trials that this moved."""
        moved = set[str]()
        self.stored = max(self.stored, reached)
        while self.records and self.records[0][0] < self.stored:
            moved.add(self.records.popleft()[1])
        return moved

    def beyond(self, trial: str) -> tuple[int, int]:
        """Records of a trial that are not stored: of which a mark speaks, and all of them."""
        offsets = [offset for offset, name in self.records if name == trial]
        return sum(offset < self.evaluated for offset in offsets), len(offsets)


class Following:
    """The stored positions of an installation, as they move."""

    def __init__(self, connection: Connection, store: BoardStore, origin: str, *, copies: bool) -> None:
        self._connection = connection
        self._store = store
        self._origin = origin
        self._log = Log(connection)
        numbers = range(self._log.partitions())
        self._tails = {number: Tail() for number in numbers}
        self._copies = {number: self._copy(number, len(numbers)) for number in numbers} if copies else {}
        self._topics = {connection.topic(topic): topic for topic in (LEDGER, FINDINGS, QUARANTINE)}
        self._consumer = reached(KafkaConsumer, connection, group_id=None, **FETCHING)
        self._positions: dict[str, int] = {}
        self._listeners: list[Notify] = []
        self._asked = 0.0
        self._changing = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self.written: Counter[str] = Counter()
        """Facts written by this process, by family."""
        self.failure: str | None = None
        """Why pages do not move on, if so."""

    def listen(self, notify: Notify) -> None:
        """Calls `notify` with the stored positions that moved, on the thread that follows."""
        self._listeners.append(notify)

    def start(self) -> None:
        """Asks where the store stands, and begins to follow from there."""
        self._begin()
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close(autocommit=False)
        self._log.close()

    def stored(self, trial: str) -> int:
        """Every fact up to this position, and all that follows from them, can be read."""
        return self._positions.get(trial, 0)

    def evaluated(self, trial: str) -> int:
        """Every finding up to this position is published; a record that repeats a fact counts until it is stored."""
        return self.stored(trial) + self._beyond(trial)[0]

    def head(self, trial: str) -> int:
        """The last position of the ledger; a record that repeats a fact counts until it is stored."""
        return self.stored(trial) + self._beyond(trial)[1]

    def trials(self) -> tuple[str, ...]:
        """The trials that have stored facts."""
        return tuple(sorted(self._positions))

    def waiting(self) -> int:
        """Records of the ledger that are evaluated and not stored."""
        return sum(max(0, tail.evaluated - tail.stored) for tail in self._tails.values())

    def _beyond(self, trial: str) -> tuple[int, int]:
        with self._changing:
            told = [tail.beyond(trial) for tail in self._tails.values()]
        return sum(evaluated for evaluated, _ in told), sum(all_ for _, all_ in told)

    # -- the thread

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._follow()
            except (KafkaError, StoreUnreachableError) as error:  # the world is down: pages say so until it is back
                self.failure = str(error)
                self._ending.wait(AGAIN_SECONDS)
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}" if isinstance(error, TELLS_NO_BODY) else "our mistake"
                raise

    def _follow(self) -> None:
        if self.failure is not None:
            self._begin()
            self.failure = None
        while not self._ending.is_set():
            moved = self._heard(self._consumer.poll(timeout_ms=POLL_MS))
            self._move(moved | self._stored_meanwhile())

    def _begin(self) -> None:
        """From where the store is, whatever was heard before."""
        reached = reached_of(self._store, self._origin)
        self._moved({row["trial"]: int(row["newest"]) for row in self._store.query(POSITIONS)})
        for copy in self._copies.values():
            copy.take_up()
        places = {(topic, n): self._place(topic, n) for topic in self._topics.values() for n in self._tails}
        self._consumer.assign(list(places.values()))
        for (topic, number), place in places.items():
            self._consumer.seek(place, reached.get((topic, number), 0))
        with self._changing:
            for number in self._tails:
                at = reached.get((LEDGER, number), 0)
                self._tails[number] = Tail(at, at)

    def _heard(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> set[str]:
        moved = set[str]()
        for place, records in polled.items():
            topic, tail = self._topics[place.topic], self._tails[place.partition]
            with self._changing:
                if topic == LEDGER:
                    moved |= tail.ledger(records)
                elif topic == FINDINGS:
                    for mark in _marks(records):
                        tail.marked(mark)
            if topic != LEDGER and place.partition in self._copies:
                self._copies[place.partition].take(topic, records)
        return moved

    def _stored_meanwhile(self) -> set[str]:
        """The trials that the store has moved on, since it was last asked."""
        if self._copies:
            reached = {number: copy.reached for number, copy in self._copies.items()}
        elif self.waiting() or monotonic() - self._asked > ASKED_EVERY_SECONDS:
            reached = {n: at for (topic, n), at in reached_of(self._store, self._origin).items() if topic == LEDGER}
            self._asked = monotonic()
        else:
            return set()
        with self._changing:
            moved = set[str]().union(*(self._tails[number].store(at) for number, at in reached.items()))
        self._pace()
        return moved

    def _move(self, trials: set[str]) -> None:
        if trials:
            rows = self._store.query(POSITIONS_OF, {"trials": "\n".join(sorted(trials))})
            self._moved({row["trial"]: int(row["newest"]) for row in rows})

    def _moved(self, positions: Mapping[str, int]) -> None:
        moved = {trial: position for trial, position in positions.items() if position != self._positions.get(trial)}
        self._positions = self._positions | moved
        for notify in self._listeners if moved else ():
            notify(moved)

    def _pace(self) -> None:
        """Reads no further into a ledger that is far ahead of the store."""
        paused = {place.partition for place in self._consumer.paused()}
        for number, tail in self._tails.items():
            place, long = self._place(LEDGER, number), len(tail.records) > LONGEST_TAIL
            if long and number not in paused:
                self._consumer.pause(place)
            elif not long and number in paused:
                self._consumer.resume(place)

    def _place(self, topic: Topic, number: int) -> TopicPartition:
        return TopicPartition(self._connection.topic(topic), number)

    def _copy(self, number: int, partitions: int) -> Copy:
        def told(_: Mapping[str, int], facts: Sequence[Row]) -> None:
            self.written.update(row["family"] for row in facts)

        ledger = partial(self._log.read, LEDGER, number)
        return Copy(self._store, self._origin, number, partitions, ledger, told)


def _marks(records: Iterable[Received]) -> Iterable[Mark]:
    for record in records:
        try:
            told = read_finding(record)
        except FormatError:  # whoever copies it says so
            continue
        if isinstance(told, Mark):
            yield told
