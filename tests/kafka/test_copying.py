"""Does the store hold what follows from the ledger, and nothing else, whoever is killed and however often it copies?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import orjson
import pytest

import schemas
from dashboards.panels.pipeline import REFUSED
from schemas.canonical import canonical
from schemas.topics import FINDINGS, QUARANTINE
from streams.agents.monitor import Memory
from streams.batch import StoredFact
from streams.kafka.copying import Copy, OtherLedgerError, claim
from streams.kafka.records import LedgerRecord, Mark, Outgoing, QuarantineRecord, Received, RecordKey, partition_of
from streams.rows import fact_row, finding_row
from streams.store import BoardStore, Parameter, Row, Table
from streams.store.chdb_store import Store
from tests.kafka.told import in_a_row
from tests.kafka.trials import Told, told

PARTITIONS = 2
NUMBER = 1
ORIGIN = "a ledger"
TRIALS = [name for name in (f"T-{n}" for n in range(40)) if partition_of(name, PARTITIONS) == NUMBER][:3]


@dataclass(frozen=True)
class Topics:
    """What stands in one partition number, and what a plain reading of the ledger says of it."""

    ledger: Sequence[Received]
    findings: Sequence[Received]
    trials: Sequence[Told]

    def range(self, start: int, stop: int) -> Iterator[Received]:
        return iter(self.ledger[start:stop])


def topics_of(chance: Random, facts: int = 40) -> Topics:
    """Three trials in one partition, some records twice, one of a zombie; a monitor that died now and then."""
    trials = [told(name, facts, seed) for seed, name in enumerate(TRIALS)]
    waiting = [list(trial.records) for trial in trials]
    records = list[LedgerRecord]()
    while any(waiting):
        taken = chance.choice([one for one in waiting if one])
        records.append(taken.pop(0))
        if chance.random() < 0.1:
            records.append(chance.choice(records))
    records.insert(len(records) // 2, replace(records[0], digest=b"\0" * 32))
    ledger = list(in_a_row([one.outgoing(NUMBER) for one in records]))
    return Topics(ledger, list(in_a_row(list(_monitored(ledger, chance)))), trials)


def _monitored(ledger: Sequence[Received], chance: Random) -> Iterator[Outgoing]:
    committed = 0
    while committed < len(ledger):
        memory, at = Memory(NUMBER, PARTITIONS), committed
        memory.fold(ledger[:at])
        for _ in range(chance.randint(1, 6)):  # then it dies, and starts again where it committed last
            run = ledger[at : at + chance.choice([1, 2, 7, 30])]
            if not run:
                break
            said = memory.evaluate(run)
            sent = [one.outgoing(NUMBER) for one in said.findings]
            if chance.random() < 0.15:
                yield from sent[: len(sent) // 2]
                break
            yield from sent
            yield Mark(at, at + len(run), said.first, tuple(said.dropped)).outgoing(NUMBER)
            at += len(run)
            committed = max(committed, at) if chance.random() < 0.8 else committed


class KilledError(Exception):
    """The process is gone."""


class Deadly:
    """A store whose process is killed before or after some inserts."""

    def __init__(self, store: BoardStore, kill: Callable[[], bool]) -> None:
        self._store = store
        self._kill = kill

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        return self._store.query(sql, parameters)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        if self._kill():
            raise KilledError
        self._store.insert(table, rows)
        if self._kill():
            raise KilledError

    def wipe(self) -> None:
        self._store.wipe()

    def close(self) -> None:
        self._store.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("copied") / "boards")
    yield store
    store.close()


@pytest.fixture
def store(opened: Store) -> Store:
    opened.wipe()
    return opened


def rows_of(trial: Told) -> tuple[list[Row], list[Row]]:
    facts = [schemas.read(record.canonical) for record in trial.records]
    stored = [StoredFact(trial.trial, n, fact, stamp(fact)) for n, fact in enumerate(facts, 1)]
    return [fact_row(one) for one in stored], [finding_row(orjson.loads(body), body) for body in trial.findings]


def stamp(fact: schemas.AnyFact) -> Any:
    assert fact.recordedtime is not None
    return fact.recordedtime


def everything(store: BoardStore) -> list[list[Row]]:
    return [store.query(f"SELECT DISTINCT * FROM {table} ORDER BY ALL") for table in ("facts", "findings")]


def as_told(store: BoardStore, trials: Sequence[Told]) -> list[list[Row]]:
    """What stands in a store that was filled without any copy."""
    for facts, findings in map(rows_of, trials):
        store.insert("facts", facts)
        store.insert("findings", findings)
    rows = everything(store)
    store.wipe()
    return rows


STANDING = """
SELECT scope, grade, count() AS findings FROM (
    SELECT scope, grade, state FROM findings
    WHERE trial = {trial:String} AND kind = 'grade' AND valid_from <= {as_of:UInt64}
    ORDER BY trial, kind, key, valid_from DESC LIMIT 1 BY trial, kind, key)
WHERE state != 'withdrawn' GROUP BY scope, grade"""

BY_TYPE = """
SELECT fact, uniqExact(position) AS facts FROM facts
WHERE trial = {trial:String} AND position <= {as_of:UInt64} GROUP BY fact"""


def sums(store: BoardStore, trial: str, as_of: int) -> tuple[Counter[Any], Counter[Any]]:
    stands = store.query(STANDING, {"trial": trial, "as_of": as_of})
    by_type = store.query(BY_TYPE, {"trial": trial, "as_of": as_of})
    return (
        Counter({(row["scope"], row["grade"]): row["findings"] for row in stands}),
        Counter({row["fact"]: row["facts"] for row in by_type}),
    )


def plain_sums(trial: Told, as_of: int) -> tuple[Counter[Any], Counter[Any]]:
    """The same in plain Python, over the ledger."""
    stands: dict[str, dict[str, Any]] = {}
    for body in trial.findings:
        document = orjson.loads(body)
        if document["since"] <= as_of and document["kind"] == "grade":
            stands[document["key"]] = document
    graded = (one for one in stands.values() if one["state"] != "withdrawn")
    facts = (schemas.read(record.canonical) for record in trial.records[:as_of])
    return Counter((one.get("scope", ""), one.get("grade")) for one in graded), Counter(type(f).__name__ for f in facts)


def copied(copy: Copy, topics: Topics, chance: Random, largest: int = 40) -> Iterator[None]:
    """Feeds a copy from where it goes on to the end, slice by slice."""
    at = copy.take_up()[FINDINGS]
    while at < len(topics.findings):
        count = chance.randint(1, largest)
        copy.take(FINDINGS, topics.findings[at : at + count])
        at += count
        yield


def shown(store: BoardStore, trials: Sequence[Told]) -> None:
    """Whatever can be read now: positions without a gap, and up to the last one every finding."""
    for trial in trials:
        positions = [
            row["position"]
            for row in store.query(
                "SELECT DISTINCT position FROM facts WHERE trial = {t:String} ORDER BY position", {"t": trial.trial}
            )
        ]
        assert positions == list(range(1, len(positions) + 1))
        assert sums(store, trial.trial, len(positions)) == plain_sums(trial, len(positions))


@pytest.mark.parametrize("seed", range(2))
def test_a_copy_holds_the_rows_that_follow_from_the_ledger(store: Store, seed: int) -> None:
    topics = topics_of(Random(seed))
    expected = as_told(store, topics.trials)
    for _ in copied(Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range), topics, Random(seed)):
        pass
    assert everything(store) == expected
    shown(store, topics.trials)


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_a_copy_shows_nothing_wrong_and_comes_to_the_same(store: Store, seed: int) -> None:
    chance = Random(seed)
    topics = topics_of(chance)
    expected = as_told(store, topics.trials)
    deaths = 0
    while True:
        deadly = Deadly(store, lambda: chance.random() < 0.2)
        try:
            for _ in copied(Copy(deadly, ORIGIN, NUMBER, PARTITIONS, topics.range), topics, chance, 12):
                pass
            break
        except KilledError:
            deaths += 1
            shown(store, [chance.choice(topics.trials)])
    assert deaths > 3
    assert everything(store) == expected


@pytest.mark.parametrize("seed", range(2))
def test_two_that_copy_at_once_and_die_at_will_count_every_fact_once(store: Store, seed: int) -> None:
    chance = Random(seed)
    topics = topics_of(chance)
    expected = as_told(store, topics.trials)

    def one() -> Iterator[None]:
        deadly = Deadly(store, lambda: chance.random() < 0.06)
        return copied(Copy(deadly, ORIGIN, NUMBER, PARTITIONS, topics.range), topics, chance)

    running, deaths, turns = [one(), one()], 0, 0
    while running:
        which = chance.randrange(len(running))
        try:
            next(running[which])
        except StopIteration:
            del running[which]
        except KilledError:
            running[which] = one()
            deaths += 1
        turns += 1
        if turns % 10 == 0:
            shown(store, topics.trials)
    assert deaths
    assert everything(store) == expected
    shown(store, topics.trials)


def test_what_waits_for_its_mark_is_not_shown(store: Store) -> None:
    topics = topics_of(Random(1))
    first = next(n for n, record in enumerate(topics.findings) if not record.value)
    copy = Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range)
    copy.take_up()
    assert copy.take(FINDINGS, topics.findings[:first]) == {FINDINGS: 0}
    assert everything(store) == [[], []]
    assert copy.take(FINDINGS, topics.findings[first : first + 1]) == {FINDINGS: first + 1}
    shown(store, topics.trials)
    assert everything(store)[0]


def test_listeners_hear_how_far_a_trial_can_be_read_when_it_can(store: Store) -> None:
    topics, heard = topics_of(Random(2)), dict[str, int]()

    def hear(moved: Mapping[str, int], rows: Sequence[Row]) -> None:
        for trial, position in moved.items():
            last = store.query("SELECT max(position) AS last FROM facts WHERE trial = {t:String}", {"t": trial})
            assert last == [{"last": max(position, heard.get(trial, 0))}]
            assert rows
        heard.update({trial: max(position, heard.get(trial, 0)) for trial, position in moved.items()})

    for _ in copied(Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range, hear), topics, Random(2)):
        pass
    assert heard == {trial.trial: len(trial.records) for trial in topics.trials}


def test_a_mark_that_leaves_something_out_stops_the_copy(store: Store) -> None:
    topics = topics_of(Random(3))
    copy = Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range)
    copy.take_up()
    (mark,) = in_a_row([Mark(3, 5, {TRIALS[0]: 4}).outgoing(NUMBER)])
    with pytest.raises(LookupError, match=r"ledger\[1\]: nothing is said of 0 to 2"):
        copy.take(FINDINGS, [mark])
    assert everything(store) == [[], []]


def test_a_record_that_none_of_us_wrote_is_left_out_and_told_by_its_place(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    topics = topics_of(Random(4))
    foreign = Outgoing(FINDINGS, NUMBER, b"x", b"Mrs Miller", [])
    sent = [
        foreign,
        *(
            Outgoing(FINDINGS, NUMBER, r.key, r.value, [(name, value or b"") for name, value in r.headers])
            for r in topics.findings
        ),
    ]
    with_it = Topics(topics.ledger, list(in_a_row(sent)), topics.trials)
    for _ in copied(Copy(store, ORIGIN, NUMBER, PARTITIONS, with_it.range), with_it, Random(4)):
        pass
    shown(store, topics.trials)
    assert "left out: tocsin.findings[1]@0: this is neither a finding nor a mark" in caplog.text
    assert "Miller" not in caplog.text


def test_a_stamp_of_a_clock_that_went_back_is_shown_as_the_fold_has_it(store: Store) -> None:
    """A second writer's clock was an hour behind: the fact is stamped like the one before it."""
    (trial,) = [told(TRIALS[0], 12, 0)]
    behind = schemas.read(trial.records[7].canonical)
    early = orjson.loads(trial.records[7].canonical) | {"recordedtime": "2020-01-01T00:00:00Z"}
    records = [*trial.records[:7], replace(trial.records[7], canonical=canonical(early))]
    ledger = list(in_a_row([one.outgoing(NUMBER) for one in records]))
    for size in (1, 8):
        store.wipe()
        topics = Topics(ledger, [], [trial])
        copy = Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range)
        copy.take_up()
        marks = [Mark(at, min(8, at + size), {trial.trial: at + 1}).outgoing(NUMBER) for at in range(0, 8, size)]
        for record in in_a_row(marks):
            copy.take(FINDINGS, [record])
            copy = copy if size == 8 else Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range)
            copy.take_up()
        stamps = [row["recorded"] for row in store.query("SELECT recorded FROM facts ORDER BY position")]
        assert len(stamps) == 8
        assert stamps[7] == stamps[6]
    assert behind.recordedtime


def refused(where: str, message: bytes) -> QuarantineRecord:
    now = stamp(schemas.read(told(TRIALS[0], 12, 0).records[0].canonical))
    return QuarantineRecord.of(now, where, TRIALS[0], "lab", "data.value", "no such value", message, RecordKey.draw())


def test_a_message_in_quarantine_stands_once_though_it_was_sent_twice(store: Store) -> None:
    first, other = refused("tocsin.raw.labs[1]@7", b"what"), refused("tocsin.raw.labs[1]@9", b"else")
    records = list(in_a_row([one.outgoing(NUMBER) for one in (first, other, first)]))
    for start in (0, 1, 0):  # and it is copied more than once
        copy = Copy(store, ORIGIN, NUMBER, PARTITIONS, lambda _, __: iter(()))
        copy.take_up()
        assert copy.take(QUARANTINE, records[start:]) == {QUARANTINE: 3}
    (row,) = REFUSED.rows(store, TRIALS[0], 10)
    assert (row["messages"], row["first_address"], row["last_address"]) == (2, first.address, other.address)


def test_a_store_of_another_ledger_is_refused(store: Store) -> None:
    topics = topics_of(Random(5))
    claim(store, ORIGIN)
    for _ in copied(Copy(store, ORIGIN, NUMBER, PARTITIONS, topics.range), topics, Random(5)):
        pass
    claim(store, ORIGIN)
    with pytest.raises(OtherLedgerError, match="the copy of another ledger"):
        claim(store, "another ledger")
    store.wipe()
    claim(store, "another ledger")
