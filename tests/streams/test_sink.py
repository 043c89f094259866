"""Does the sink bring exactly what the ledger holds, in the right order, once?"""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.findings import GradeFinding
from streams.rows import fact_row
from streams.sink import Sink
from streams.store import Parameter, Row, Table
from streams.store.chdb_store import Store
from tests.builders import Message, adopted, adverse_event, dose, enrolled, lab, left_trial, revised, withdrawn
from tests.streams.told_ledger import ToldLedger

STANDING = """
SELECT scope, grade, count() AS findings FROM (
    SELECT scope, grade, state FROM findings
    WHERE trial = {trial:String} AND kind = 'grade' AND valid_from <= {as_of:UInt64}
    ORDER BY trial, kind, key, valid_from DESC LIMIT 1 BY trial, kind, key)
WHERE state != 'withdrawn' GROUP BY scope, grade
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "boards")
    yield opened
    opened.close()


def a_trial(seed: int = 1, events: int = 60) -> list[Message]:
    """A trial drawn from a seed: four participants, events and values, some revised, some withdrawn."""
    draw = random.Random(seed)
    people = [f"P-{number:03}" for number in range(1, 5)]
    told = [adopted()]
    told += [enrolled(one, group=draw.choice(["1", "2"])) for one in people]
    told += [dose(one) for one in people]
    for number in range(events):
        one, day = draw.choice(people), f"2026-01-{draw.randint(7, 28):02}"
        if draw.random() < 0.5:
            said = lab(one, "ALT", str(draw.choice([30, 90, 300, 900])), on=day, record=f"lb/{number}")
        else:
            said = adverse_event(one, "Rash", draw.choice([1, 2, 3, 4, None]), onset=day, record=f"ae/{number}")
        told.append(said)
        if draw.random() < 0.3:
            told.append(revised(said) if draw.random() < 0.5 else withdrawn(said))
    return told


def counted(ledger: ToldLedger, as_of: int) -> Counter[tuple[str | None, int | None]]:
    """The same aggregate in plain Python."""
    stands = {change.finding.key: change for change in ledger.changes if change.since <= as_of}
    graded = (change.finding for change in stands.values() if change.state != "withdrawn")
    return Counter((one.scope, one.grade) for one in graded if isinstance(one, GradeFinding))


def aggregated(store: Store, ledger: ToldLedger, as_of: int) -> Counter[tuple[str | None, int | None]]:
    rows = store.query(STANDING, {"trial": ledger.trial, "as_of": as_of})
    return Counter({(row["scope"], row["grade"]): row["findings"] for row in rows})


def written(sink: Sink, ledger: ToldLedger) -> None:
    sink.start()
    for batch in ledger.batches:
        sink.put(batch)
    sink.close()


def test_aggregates_equal_a_plain_sum_at_every_position(store: Store) -> None:
    for seed in range(3):
        ledger = ToldLedger(trial=f"T{seed}")
        ledger.tell(*a_trial(seed))
        Sink(store).catch_up(ledger)
        last = ledger.published_up_to(ledger.trial)
        for as_of in range(0, last + 1, 3):
            assert aggregated(store, ledger, as_of) == counted(ledger, as_of)


def test_a_batch_written_twice_counts_once(store: Store) -> None:
    ledger = ToldLedger()
    for message in a_trial():
        ledger.tell(message)
    written(Sink(store), ledger)
    once = aggregated(store, ledger, 10_000)
    written(Sink(store), ledger)
    assert aggregated(store, ledger, 10_000) == once == counted(ledger, 10_000)
    assert once


def test_catching_up_brings_the_same_rows_as_living_through_it(store: Store) -> None:
    ledger = ToldLedger()
    ledger.tell(*a_trial())
    ledger.refuse("facts.ndjson:3", "data.value", "a measured value is a JSON string", "laboratory")
    every = "SELECT * FROM {} ORDER BY ALL"
    written(Sink(store), ledger)
    live = [store.query(every.format(table)) for table in ("facts", "findings", "quarantine")]
    store.wipe()
    assert store.query("SELECT count() AS n FROM facts") == [{"n": 0}]
    Sink(store).catch_up(ledger)
    assert [store.query(every.format(table)) for table in ("facts", "findings", "quarantine")] == live
    assert all(live)


def test_only_what_is_missing_is_copied(store: Store) -> None:
    ledger = ToldLedger()
    ledger.tell(*a_trial()[:20])
    assert Sink(store).catch_up(ledger) == 20
    ledger.tell(*a_trial()[20:30])
    assert Sink(store).catch_up(ledger) == 10
    assert Sink(store).catch_up(ledger) == 0


def test_a_store_of_another_ledger_is_wiped_and_made_again(store: Store) -> None:
    other, ours = ToldLedger(), ToldLedger()
    other.tell(*a_trial(seed=5))
    Sink(store).catch_up(other)
    ours.tell(*a_trial(seed=6)[:15])
    sink = Sink(store)
    sink.catch_up(ours)
    assert sink.stored(ours.trial) == 15
    assert aggregated(store, ours, 10_000) == counted(ours, 10_000)


class WatchedStore:
    """A store that notes the order of what is asked of it."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[dict[str, Any]]:  # noqa: ARG002
        return [{"newest": 0}] if "quarantine" in sql else []

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self.order.append(table)

    def wipe(self) -> None:
        self.order.append("wiped")

    def close(self) -> None:
        self.order.append("closed")


def test_findings_are_written_before_facts_and_the_position_moves_last() -> None:
    watched, ledger = WatchedStore(), ToldLedger()
    ledger.tell(*a_trial())
    sink = Sink(watched)
    seen_at_notice: list[tuple[int, list[str]]] = []
    sink.listen(lambda moved: seen_at_notice.append((moved[ledger.trial], [*watched.order])))
    written(sink, ledger)
    assert watched.order == ["findings", "facts"]
    assert seen_at_notice == [(ledger.published_up_to(ledger.trial), ["findings", "facts"])]
    assert sink.stored(ledger.trial) == ledger.published_up_to(ledger.trial)


def test_batches_that_come_together_are_written_together() -> None:
    watched, ledger = WatchedStore(), ToldLedger()
    for message in a_trial():
        ledger.tell(message)
    sink = Sink(watched)
    for batch in ledger.batches:
        sink.put(batch)
    sink.start()
    sink.close()
    assert watched.order.count("facts") < len(ledger.batches) / 10


def test_a_sink_whose_store_is_gone_says_so_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenStore(WatchedStore):
        def insert(self, table: Table, rows: Sequence[Row]) -> None:  # noqa: ARG002
            if rows:
                raise RuntimeError("no space left on device")

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    ledger = ToldLedger()
    ledger.tell(*a_trial())
    sink = Sink(BrokenStore())
    written(sink, ledger)
    for batch in ledger.batches * 3_000:
        sink.put(batch)
    assert sink.failure == "no space left on device"
    assert sink.stored(ledger.trial) == 0


def test_free_text_does_not_reach_the_store() -> None:
    ledger = ToldLedger()
    event = adverse_event(verbatim="Mrs Miller fainted")
    batch = ledger.tell(
        adopted(), enrolled(), event, revised(event, reason="Dr Smith said so"), left_trial(comment="Mr M.")
    )
    rows = str([fact_row(stored) for stored in batch.facts[1:]])
    assert "rash" not in rows
    assert not any(name in rows for name in ("Miller", "Smith", "Mr M."))
    assert "Alanine aminotransferase increased" in rows
