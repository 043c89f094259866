"""Is a file taken in its own order, however its topics arrive, whoever is cut off and whoever starts again?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.sequence import Sequencer, Turn
from tests.kafka.told import Stored

FAMILIES = ("labs", "dosing", "vitals")


@dataclass
class Topics:
    """One partition of the raw topics, as the broker holds it."""

    logs: dict[str, list[Stored]] = field(default_factory=lambda: {family: [] for family in FAMILIES})

    def write(self, family: str, value: bytes | None, turn: Turn | None) -> int:
        log = self.logs[family]
        headers = tuple(turn.headers()) if turn else ()
        log.append(Stored(value, b"T", headers, topic=f"tocsin.raw.{family}", partition=0, offset=len(log)))
        return len(log) - 1


def send(topics: Topics, run: str, file: list[str], size: int, chance: Random, cut: int | None) -> None:
    """Sends a file, each message to the family it names; cut off in a window, some of its last ones are missing."""
    reached = {family: len(log) - 1 for family, log in topics.logs.items() if log}
    windows = [file[start : start + size] for start in range(0, len(file), size)]
    for number, window in enumerate(windows):
        arriving = set(range(len(window)))
        if cut == number:
            arriving = {index for index in arriving if chance.random() < 0.6}
        after = dict(reached)
        for index, family in enumerate(window):
            if index in arriving:
                value = f"{run}/{number * size + index}".encode()
                reached[family] = topics.write(family, value, Turn(run, number, index, len(window), after))
            if chance.random() < 0.1:
                topics.write(chance.choice(FAMILIES), f"foreign/{chance.random()}".encode(), None)
        if cut == number:
            return
    for family in sorted(set(file)):
        topics.write(family, None, Turn(run, len(windows), 0, 0, dict(reached)))


def arriving(topics: Topics, start: Mapping[str, int], chance: Random) -> Iterator[tuple[str, Stored]]:
    """What comes from some offsets on: each topic in its order, and the topics among one another in any."""
    waiting = {family: log[start[family] :] for family, log in topics.logs.items()}
    while left := [family for family in waiting if waiting[family]]:
        family = chance.choice(left)
        for _ in range(chance.randint(1, 5)):
            if waiting[family]:
                yield family, waiting[family].pop(0)


def consumed(topics: Topics, chance: Random, restarts: int) -> tuple[list[bytes], Sequencer]:
    """Everything that a worker takes that dies some times, and starts again from what it had committed."""
    committed = dict.fromkeys(FAMILIES, 0)
    taken: list[bytes] = []
    for last in [False] * restarts + [True]:
        sequencer = Sequencer(committed)
        for family, record in arriving(topics, committed, chance):
            taken.extend(one.value or b"" for one in sequencer.receive(family, record))
            if chance.random() < 0.3:
                committed = sequencer.committable()
            if not last and chance.random() < 0.1:
                break
    return taken, sequencer


def firsts(taken: list[bytes], run: str) -> list[bytes]:
    return [one for one in dict.fromkeys(taken) if one.startswith(run.encode())]


files = st.lists(st.sampled_from(FAMILIES), min_size=1, max_size=25)
seeds = st.integers(0, 10_000)


@given(
    file=files,
    other=files,
    size=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 25), max_size=3),
    restarts=st.integers(0, 4),
    seed=st.integers(0, 10_000),
)
def test_a_file_is_taken_in_its_order_and_whole(
    file: list[str], other: list[str], size: int, cuts: list[int], restarts: int, seed: int
) -> None:
    """However often its sender was cut off and began again, and beside another file and messages of strangers."""
    chance, topics = Random(seed), Topics()
    send(topics, "other", other, size, chance, None)
    for cut in cuts:
        send(topics, "file", file, size, chance, cut)
    send(topics, "file", file, size, chance, None)
    taken, sequencer = consumed(topics, chance, restarts)
    assert firsts(taken, "file") == [f"file/{number}".encode() for number in range(len(file))]
    assert firsts(taken, "other") == [f"other/{number}".encode() for number in range(len(other))]
    written = {one.value for log in topics.logs.values() for one in log if one.value is not None}
    assert set(taken) == written, "nothing is lost, and what ends a run is no message"
    assert sequencer.committable() == {family: len(log) for family, log in topics.logs.items()}
    assert list(sequencer.held()) == []


@given(told=st.lists(files, min_size=2, max_size=4), size=st.integers(1, 6), restarts=st.integers(0, 4), seed=seeds)
def test_a_file_that_is_sent_after_another_is_taken_after_it(
    told: list[list[str]], size: int, restarts: int, seed: int
) -> None:
    chance, topics = Random(seed), Topics()
    for number, file in enumerate(told):
        send(topics, f"file{number}", file, size, chance, None)
    taken, _ = consumed(topics, chance, restarts)
    expected = [f"file{number}/{n}".encode() for number, file in enumerate(told) for n in range(len(file))]
    assert firsts(taken, "file") == expected


@given(
    file=files, size=st.integers(1, 6), cut=st.integers(0, 25), restarts=st.integers(0, 3), seed=st.integers(0, 9_999)
)
def test_nothing_of_a_run_that_was_cut_off_is_taken_before_its_turn(
    file: list[str], size: int, cut: int, restarts: int, seed: int
) -> None:
    chance, topics = Random(seed), Topics()
    send(topics, "file", file, size, chance, cut)
    taken, sequencer = consumed(topics, chance, restarts)
    known = firsts(taken, "file")
    assert known == [f"file/{number}".encode() for number in range(len(known))]
    held = {one.record.value for one in sequencer.held()}
    written = {one.value for log in topics.logs.values() for one in log if one.value is not None}
    assert set(taken) | held == written
    for family, record in sequencer.held():
        assert sequencer.committable()[family] <= record.offset, "what waits comes again after a restart"


def record(value: str, offset: int, turn: Turn | None) -> Stored:
    return Stored(value.encode(), b"T", tuple(turn.headers()) if turn else (), partition=0, offset=offset)


def test_a_message_without_a_place_waits_for_nobody() -> None:
    sequencer = Sequencer({})
    assert sequencer.receive("labs", record("waits", 0, Turn("r", 0, 0, 2))) == []
    free = record("free", 1, None)
    assert sequencer.receive("labs", free) == [free]
    assert sequencer.committable() == {"labs": 0}


def test_a_record_that_comes_again_is_not_taken_again() -> None:
    sequencer = Sequencer({"labs": 5})
    assert sequencer.receive("labs", record("before", 4, None)) == []
    assert len(sequencer.receive("labs", record("next", 5, None))) == 1
    assert sequencer.receive("labs", record("next", 5, None)) == []


def test_a_window_waits_for_the_one_before_it_even_when_it_is_whole() -> None:
    sequencer = Sequencer({})
    assert sequencer.receive("labs", record("second", 0, Turn("r", 1, 0, 1, {"dosing": 0}))) == []
    (first, second) = sequencer.receive("dosing", record("first", 0, Turn("r", 0, 0, 1)))
    assert (first.value, second.value) == (b"first", b"second")


def test_what_is_sent_again_of_a_window_that_was_taken_waits_for_nobody() -> None:
    sequencer = Sequencer({})
    taken = [sequencer.receive("labs", record("said", index, Turn("r", 0, index % 2, 2))) for index in range(3)]
    assert [len(one) for one in taken] == [0, 2, 1]


def test_what_waits_in_vain_can_be_let_go_by_who_knows_it() -> None:
    sequencer = Sequencer({})
    sequencer.receive("labs", record("one", 0, Turn("r", 0, 0, 3)))
    sequencer.receive("dosing", record("two", 0, Turn("r", 0, 2, 3)))
    ((run, number, messages),) = sequencer.windows()
    assert [one.value for one in messages] == [b"one", b"two"]
    assert sequencer.let_go(run, number) == messages
    assert sequencer.committable() == {"labs": 1, "dosing": 1}


@pytest.mark.parametrize(
    "headers",
    [
        (("window", b"run"),),
        (("window", b"run/0/0"),),
        (("window", b"run/0/x/3"),),
        (("window", b"run/-1/0/3"),),
        (("window", b"\xff/0/0/1"),),
        (("window", b"run/0/0/1"), ("after", b"{")),
        (("window", b"run/0/0/1"), ("after", b"[]")),
        (("window", b"run/0/0/1"), ("after", b'{"labs":"1"}')),
        (("window", None),),
    ],
)
def test_headers_that_nobody_of_ours_wrote_hold_nothing_up(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    assert Turn.read(headers) is None
    strange = Stored(b"strange", b"T", headers, partition=0, offset=0)
    assert Sequencer({}).receive("labs", strange) == [strange]


@given(st.text("0123456789abcdef", min_size=1), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_place_is_read_as_it_was_written(run: str, number: int, index: int, size: int) -> None:
    turn = Turn(run, number, index, size, {"labs": 7} if index == 0 else {})
    assert Turn.read(turn.headers()) == turn
