"""Does a process that hangs end, and one that only takes long in many pieces not?"""

import asyncio
from dataclasses import dataclass

import pytest

from streams.kafka import leaving
from streams.kafka.leaving import Watch


@dataclass
class Clock:
    """The time of the test."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leaving, "monotonic", lambda: clock.now)
    return clock


def test_work_that_takes_long_is_late_unless_it_moves_on(clock: Clock) -> None:
    watch = Watch("test", longest=60)
    with watch.working("catching up"):
        clock.now += 59
        watch.beat()
        clock.now += 59
        assert watch.late(clock.now) == []
        clock.now += 2
        assert watch.late(clock.now) == ["catching up"]
    assert watch.late(clock.now) == []


def test_work_of_many_pieces_is_as_late_as_the_piece_in_hand(clock: Clock) -> None:
    watch = Watch("test", longest=60)
    with watch.working("reading"):
        for _ in range(5):
            with watch.working("a run"):
                clock.now += 40
                assert watch.late(clock.now) == []
        clock.now += 61
        assert watch.late(clock.now) == ["reading"]


def test_what_one_task_does_excuses_no_other(clock: Clock) -> None:
    watch = Watch("test", longest=60)

    async def hangs(at: str, until: asyncio.Event) -> None:
        with watch.working(at):
            await until.wait()

    async def life() -> None:
        ended = asyncio.Event()
        commits = asyncio.create_task(hangs("committing", ended))
        await asyncio.sleep(0)
        for _ in range(3):
            clock.now += 30
            with watch.working("a run"):
                watch.beat()
        assert watch.late(clock.now) == ["committing"]
        ended.set()
        await commits
        assert watch.late(clock.now) == []

    asyncio.run(life())
