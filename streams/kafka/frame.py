"""How does an agent meet every record of its partitions, in order and none left out, whoever dies when?

A group delivers with repetitions, and now and then with a hole. So what is delivered only rings: each partition has a
`next` offset; what lies below is dropped, and what is missing is read from the topic itself. The group's mark is our
own: it says that everything below it needs no handling again. What an agent keeps in memory is a cache: it is taken up
from the topic at the first need after every assignment, and an error anywhere ends the process (`leaving`), because a
memory that is ahead of what was said must not live on.

Always true of a partition: an offset below `next` is below the group's mark, or this process handled it to its end.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import NamedTuple, Protocol

from schemas.topics import Topic
from streams.kafka.leaving import Watch
from streams.kafka.measures import Measures
from streams.kafka.reading import Reader
from streams.kafka.records import Received

QUIET_SECONDS = 5.0
"""How long nothing may be delivered before what stands in the topic is read from it."""

Offsets = Mapping[Topic, int]
"""An offset in each topic of one partition number."""


class Run(NamedTuple):
    """Records of one partition, in order, none missing between them and what was handled before."""

    topic: Topic
    partition: int
    records: Sequence[Received]


class Place(Protocol):
    """What an agent holds of one partition number, and what it does there. One call at a time."""

    async def take_up(self, committed: Offsets) -> Offsets:
        """Brings the memory to where the group has come, in silence; gives the next offset of each topic.

        Called after every assignment: the memory may be of an earlier one, and the group further on by now.
        """

    async def handle(self, run: Run) -> Offsets:
        """Handles a run to its end: what it says is acknowledged. Gives the offsets below which nothing is owed."""

    async def tick(self, now: datetime) -> Offsets:
        """Called every second, for what is due without a record. Gives offsets below which nothing is owed."""


PlaceOf = Callable[[int], Place]
"""Makes the place of a partition number."""


@dataclass(slots=True)
class _Held:
    place: Place
    epoch: int = -1
    """The assignment under which it was taken up."""
    next: dict[Topic, int] = field(default_factory=dict)
    done: dict[Topic, int] = field(default_factory=dict)
    """Below these nothing is owed: what may be committed."""
    floor: dict[Topic, int] = field(default_factory=dict)
    """What is known to be committed."""


class Frame:
    """Everything that one agent holds in this process, and the rules above."""

    def __init__(
        self, reads: Sequence[Topic], place: PlaceOf, reader: Reader, watch: Watch, measures: Measures
    ) -> None:
        self._reads = tuple(reads)
        self._make = place
        self._reader = reader
        self._watch = watch
        self._measures = measures
        self._held: dict[int, _Held] = {}
        self._owned: frozenset[int] = frozenset()
        self._epoch = 0
        self._stopping = False
        self._rung = monotonic()
        self._busy = asyncio.Lock()

    # -- assignment

    def revoked(self) -> None:
        """Nothing is ours until it is assigned again. What was folded is still true and stays."""
        self._epoch += 1
        self._owned = frozenset()
        self._measures.owned(())

    def assigned(self, places: Collection[tuple[str, int]], name: Callable[[Topic], str]) -> None:
        """These are ours. One partition number of all topics must come together."""
        numbers = frozenset(number for _, number in places)
        apart = [(name(topic), n) for topic in self._reads for n in sorted(numbers) if (name(topic), n) not in places]
        if apart:
            raise LookupError(f"{apart[0][0]}[{apart[0][1]}] belongs to another worker than its partition elsewhere")
        self._epoch += 1
        self._owned = numbers
        self._measures.owned(numbers)

    # -- deliveries

    async def receive(self, topic: Topic, partition: int, records: Sequence[Received]) -> None:
        """Handles what is new in a delivery, and what is missing before it or in it."""
        async with self._busy:
            self._rung = monotonic()
            held = None if self._stopping else await self._taken_up(partition)
            if held is None:
                self._measures.stale(len(records))
                return
            fresh = [record for record in records if record.offset >= held.next[topic]]
            self._measures.repeated(len(records) - len(fresh))
            if not fresh:
                return
            end = fresh[-1].offset + 1
            if end - held.next[topic] == len(fresh):
                await self._handle(held, Run(topic, partition, fresh), end)
            else:
                await self._mend(held, topic, partition, end)

    async def tick(self, now: datetime) -> None:
        """What is due every second: new partitions are taken up before anything rings, and the clock moves on."""
        for partition in sorted(self._owned):
            async with self._busy:
                held = None if self._stopping else await self._taken_up(partition)
                if held is not None:
                    with self._watch.working(f"the clock of partition {partition}"):
                        done = await held.place.tick(now)
                    if held.epoch == self._epoch:
                        held.done.update(done)

    async def look(self) -> None:
        """Asks how long the topics are; reads what has stood there without being delivered."""
        ends = await self._reader.ends((topic, number) for number in self._owned for topic in self._reads)
        for (topic, partition), end in ends.items():
            held = self._held.get(partition)
            if held is None or held.epoch != self._epoch:
                continue
            self._measures.looked(topic, partition, end)
            if end > held.next[topic] and monotonic() - self._rung > QUIET_SECONDS:
                async with self._busy:
                    if held.epoch == self._epoch and end > held.next[topic] and not self._stopping:
                        await self._mend(held, topic, partition, end)

    # -- marks

    def owed_marks(self) -> tuple[int, dict[tuple[Topic, int], int]]:
        """What may be committed and is not, with the epoch for which that is true."""
        mine = {n: held for n, held in self._held.items() if held.epoch == self._epoch and n in self._owned}
        marks = {
            (topic, number): done
            for number, held in mine.items()
            for topic, done in held.done.items()
            if done > held.floor[topic]
        }
        return self._epoch, marks

    def committed(self, epoch: int, marks: Mapping[tuple[Topic, int], int]) -> None:
        """These marks stand."""
        for (topic, number), mark in marks.items():
            if epoch == self._epoch:
                self._held[number].floor[topic] = mark
                self._measures.committed(topic, number, mark)

    async def settle(self, seconds: float) -> None:
        """Waits for the run in hand to end; after `stop`, nothing is handled any more."""
        try:
            async with asyncio.timeout(seconds), self._busy:
                pass
        except TimeoutError:
            return

    def stop(self) -> None:
        """From now on nothing new is begun."""
        self._stopping = True

    # -- inside

    async def _taken_up(self, partition: int) -> _Held | None:
        """The place of a partition as it stands under this assignment; None where it is not ours."""
        while partition in self._owned:
            held = self._held.get(partition) or self._held.setdefault(partition, _Held(self._make(partition)))
            if held.epoch == self._epoch:
                return held
            epoch, begin = self._epoch, monotonic()
            with self._watch.working(f"taking up partition {partition}"):
                committed = await self._reader.committed((topic, partition) for topic in self._reads)
                marks = {topic: committed[topic, partition] for topic in self._reads}
                following = await held.place.take_up(marks)
            if epoch == self._epoch:
                held.next, held.done, held.floor = dict(following), dict(following), marks
                held.epoch = epoch
                self._measures.taken_up(partition, monotonic() - begin, marks, following)
        return None

    async def _mend(self, held: _Held, topic: Topic, partition: int, end: int) -> None:
        """Handles what was not delivered: reads it from the topic, up to `end`."""
        self._measures.mended(topic, partition, end - held.next[topic])
        with self._watch.working(f"reading what was not delivered of {topic.name}[{partition}]"):
            async for records in self._reader.between(topic, partition, held.next[topic], end):
                if held.epoch != self._epoch:
                    return
                await self._handle(held, Run(topic, partition, records), records[-1].offset + 1)
        if held.epoch == self._epoch:
            held.next[topic] = max(held.next[topic], end)

    async def _handle(self, held: _Held, run: Run, end: int) -> None:
        self._measures.begun(run.topic, run.partition, end)
        with self._watch.working(f"{run.topic.name}[{run.partition}]@{run.records[0].offset}"):
            done = await held.place.handle(run)
        held.next[run.topic] = end
        self._measures.handled(run.topic, run.partition, end)
        if held.epoch == self._epoch:
            held.done.update(done)
