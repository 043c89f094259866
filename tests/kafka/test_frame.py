"""Is every record handled once and in order, whatever is delivered, dropped, repeated or taken away meanwhile?"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import LEDGER, RAW, Topic
from streams.kafka import frame as frames
from streams.kafka.frame import Frame, Offsets, Run
from streams.kafka.leaving import Watch
from streams.kafka.measures import Measures
from streams.kafka.records import Received
from tests.kafka.told import Stored

NUMBERS = (0, 1)
LABS = RAW[4]


@dataclass
class Topics:
    """What stands in topics, and where the group's marks stand: a broker without a network."""

    logs: dict[tuple[Topic, int], list[Stored]]
    marks: dict[tuple[Topic, int], int] = field(default_factory=dict)

    async def between(self, topic: Topic, partition: int, start: int, end: int) -> AsyncIterator[list[Stored]]:
        """The records of a range, some at a time."""
        for at in range(start, end, 3):
            await asyncio.sleep(0)
            yield self.logs[topic, partition][at : min(at + 3, end)]

    async def ends(self, places: Iterable[tuple[Topic, int]]) -> Mapping[tuple[Topic, int], int]:
        """How long they are."""
        return {place: len(self.logs[place]) for place in places}

    async def committed(self, places: Iterable[tuple[Topic, int]]) -> Mapping[tuple[Topic, int], int]:
        """Where the marks stand."""
        await asyncio.sleep(0)
        return {place: self.marks.get(place, 0) for place in places}


@dataclass
class Reads:
    """A place that writes down what it is given: a memory that is folded, as the monitor's."""

    handled: dict[Topic, list[int]]
    taken_up: list[int] = field(default_factory=list)
    pause: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_up(self, committed: Offsets) -> Offsets:
        """Goes on where it is, or where the group is."""
        for topic, mark in committed.items():
            self.taken_up.append(mark)
            self.handled[topic].extend(range(len(self.handled[topic]), mark))
        return {topic: len(offsets) for topic, offsets in self.handled.items()}

    async def handle(self, run: Run) -> Offsets:
        """Takes a little while."""
        self.handled[run.topic].extend(record.offset for record in run.records)
        await asyncio.sleep(0)
        return {run.topic: run.records[-1].offset + 1}

    async def tick(self, _: datetime) -> Offsets:
        """Nothing."""
        return {}


def log(topic: Topic, partition: int, size: int) -> list[Stored]:
    return [Stored(topic=topic.name, partition=partition, offset=offset) for offset in range(size)]


class World:
    """A frame, its topics, and its places."""

    def __init__(self, size: int, reads: Sequence[Topic] = (LEDGER,)) -> None:
        self.topics = Topics({(topic, number): log(topic, number, size) for topic in reads for number in NUMBERS})
        self.reads = reads
        self.places: dict[int, Reads] = {}
        self.measures = Measures("test")
        self.frame = Frame(reads, self._place, self.topics, Watch("test"), self.measures)  # type: ignore[arg-type]

    def _place(self, number: int) -> Reads:
        return self.places.setdefault(number, Reads({topic: [] for topic in self.reads}))

    def assign(self, *numbers: int) -> None:
        self.frame.revoked()
        self.frame.assigned({(topic.name, n) for topic in self.reads for n in numbers}, lambda topic: topic.name)

    def commit(self) -> None:
        epoch, marks = self.frame.owed_marks()
        self.topics.marks |= marks
        self.frame.committed(epoch, marks)

    async def deliver(self, number: int, start: int, end: int, topic: Topic = LEDGER) -> None:
        records: list[Received] = list(self.topics.logs[topic, number][start:end])
        if records:
            await self.frame.receive(topic, number, records)

    def handled(self, number: int, topic: Topic = LEDGER) -> list[int]:
        return self.places[number].handled[topic] if number in self.places else []


@given(seed=st.integers(0, 100_000), size=st.integers(1, 30))
def test_whatever_is_delivered_each_record_is_handled_once_and_in_order(seed: int, size: int) -> None:
    """Deliveries with holes, repetitions, of partitions that are not ours, and assignments that come and go."""
    chance, world = Random(seed), World(size)

    async def life() -> None:
        world.assign(*NUMBERS)
        for _ in range(chance.randint(1, 25)):
            number, start = chance.choice(NUMBERS), chance.randint(0, size)
            match chance.choice(("deliver", "deliver", "deliver", "commit", "assign", "both")):
                case "deliver":
                    await world.deliver(number, start, start + chance.randint(1, 8))
                case "commit":
                    world.commit()
                case "assign":
                    world.assign(*chance.choice(((), (0,), (1,), NUMBERS)))
                case "both":  # a delivery, and the partitions taken away while it is handled
                    delivering = asyncio.create_task(world.deliver(number, start, start + 5))
                    for _ in range(chance.randint(0, 4)):
                        await asyncio.sleep(0)
                    world.assign(*chance.choice(((0,), (1,), NUMBERS)))
                    await delivering
        for number in NUMBERS:
            handled = world.handled(number)
            assert handled == list(range(len(handled)))
            assert world.topics.marks.get((LEDGER, number), 0) <= len(handled)

    asyncio.run(life())


def test_a_hole_before_and_in_a_delivery_is_read_from_the_topic() -> None:
    async def life() -> None:
        world = World(20)
        world.assign(*NUMBERS)
        await world.deliver(0, 5, 8)
        records: list[Received] = list(world.topics.logs[LEDGER, 0])
        await world.frame.receive(LEDGER, 0, records[8:10] + records[15:17])
        assert world.handled(0) == list(range(17))

    asyncio.run(life())


def test_what_the_group_has_marked_is_taken_up_in_silence_and_what_follows_is_handled() -> None:
    async def life() -> None:
        world = World(20)
        world.topics.marks[LEDGER, 0] = 6
        world.assign(0)
        await world.deliver(0, 9, 10)
        assert world.places[0].taken_up == [6]
        world.commit()
        assert world.topics.marks[LEDGER, 0] == 10

    asyncio.run(life())


def test_what_stands_in_a_topic_and_is_never_delivered_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "QUIET_SECONDS", 0.0)

    async def life() -> None:
        world = World(20)
        world.assign(*NUMBERS)
        await world.frame.tick(datetime.now(UTC))
        assert world.handled(1) == []
        await world.frame.look()
        assert world.handled(0) == world.handled(1) == list(range(20))

    asyncio.run(life())


def test_a_partition_that_comes_back_goes_on_from_where_others_brought_it() -> None:
    async def life() -> None:
        world = World(20)
        world.assign(0)
        await world.deliver(0, 0, 4)
        world.commit()
        world.assign(1)
        world.topics.marks[LEDGER, 0] = 9
        world.assign(0)
        await world.deliver(0, 9, 12)
        assert world.places[0].taken_up == [0, 9]
        assert world.handled(0) == list(range(12))

    asyncio.run(life())


def test_nothing_is_marked_that_was_handled_under_another_assignment() -> None:
    async def life() -> None:
        world = World(20)
        world.assign(0)
        await world.deliver(0, 0, 2)
        delivering = asyncio.create_task(world.deliver(0, 2, 5))
        await asyncio.sleep(0)
        world.assign(1)
        await delivering
        world.commit()
        assert world.topics.marks == {}
        assert world.handled(0) == list(range(5)), "and what it holds is still true"

    asyncio.run(life())


def test_the_topics_of_one_number_must_come_to_one_worker() -> None:
    world = World(1, (LEDGER, LABS))
    with pytest.raises(LookupError, match=r"tocsin.raw.labs\[1\] belongs to another worker"):
        world.frame.assigned({(LEDGER.name, 0), (LABS.name, 0), (LEDGER.name, 1)}, lambda topic: topic.name)


def test_after_a_stop_nothing_new_is_begun() -> None:
    async def life() -> None:
        world = World(20)
        world.assign(0)
        await world.deliver(0, 0, 4)
        world.frame.stop()
        await world.deliver(0, 4, 8)
        await world.frame.tick(datetime.now(UTC))
        world.commit()
        assert world.handled(0) == list(range(4))
        assert world.topics.marks == {(LEDGER, 0): 4}

    asyncio.run(life())
