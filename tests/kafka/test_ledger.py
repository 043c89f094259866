"""Is a ledger on Kafka read as the embedded one is: the same facts, texts, findings and refusals at the same places?"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from clinical.monitor import step
from clinical.state import Trial
from schemas.findings import written
from schemas.topics import LEDGER
from streams.kafka.connection import Connection
from streams.kafka.records import (
    Mark,
    Outgoing,
    PublishedChange,
    QuarantineRecord,
    RecordKey,
    partition_of,
    quarantine_number,
)
from streams.kafka.writer import Place, Writer
from streams.ledger.kafka import KafkaLedger, Standing, _Fold
from streams.ledger.reading import ReadableLedger
from streams.monitor import Monitor
from tests.builders import TRIAL, adopted, adverse_event, enrolled, lab, revised
from tests.forking import tocsin
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.told import ledger_records, tell
from tests.streams.conftest import Door

OTHER = next(f"OTHER-{n}" for n in range(99) if partition_of(f"OTHER-{n}", 4) == partition_of(TRIAL, 4))
"""A trial in the same partition."""

SAID = (
    adopted(),
    enrolled(),
    lab(),
    adverse_event(verbatim="Mrs Smith fainted in the ward", grade=4),
    revised(lab(), value="360"),
    lab(analyte="AST"),
)


@pytest.fixture
def told(kafka: Connection, door: Door) -> Iterator[KafkaLedger]:
    """Two trials side by side in one partition, each fact of them a minute after the one before."""
    for said in SAID:
        door.clock.now += timedelta(minutes=1)
        door.tell(said, said | {"trial": OTHER} if said is not SAID[0] else adopted(trial=OTHER))
    for trial in (TRIAL, OTHER):
        tell(kafka, door.ledger, trial)
    ledger = KafkaLedger(kafka)
    yield ledger
    ledger.close()


def read_whole(ledger: ReadableLedger, trial: str) -> dict[str, object]:
    """All that both engines say of a trial."""
    facts = list(ledger.facts(trial))
    return {
        "trials": ledger.trials(),
        "head": ledger.head(trial),
        "facts": facts,
        "canonical": list(ledger.canonical(trial)),
        "some": list(ledger.canonical(trial, 2, 4)),
        "beyond": list(ledger.canonical(trial, 5, 99)),
        "known at": [ledger.position_at(trial, fact.recordedtime) for _, fact in facts if fact.recordedtime],
        "known before": [ledger.position_at(trial, datetime(year, 1, 1, tzinfo=UTC)) for year in (2020, 2030)],
        "raw": [ledger.raw(trial, position) for position, _ in facts],
        "opened": [ledger.opened(trial, position) for position, _ in facts],
        "nowhere": [ledger.raw(trial, 0), ledger.raw(trial, 99), ledger.opened(trial, 99)],
    }


@pytest.mark.parametrize("trial", [TRIAL, OTHER, "UNKNOWN"])
def test_both_engines_say_the_same_of_a_trial(told: KafkaLedger, door: Door, trial: str) -> None:
    whole = read_whole(told, trial)
    assert whole == read_whole(door.ledger, trial)
    assert whole == read_whole(told, trial), "a second reading, by the places that are known now, says the same"
    assert whole["head"] == (0 if trial == "UNKNOWN" else 6)


def test_a_fact_that_stands_twice_is_read_once(told: KafkaLedger, kafka: Connection, door: Door) -> None:
    partition = partition_of(TRIAL, PARTITIONS)
    with Writer(kafka) as writer:
        writer.send([record.outgoing(partition) for record in ledger_records(door.ledger, TRIAL)])
    assert list(told.canonical(TRIAL)) == list(door.ledger.canonical(TRIAL))


def test_what_comes_later_is_read_when_it_is_asked_for(told: KafkaLedger, kafka: Connection, door: Door) -> None:
    assert told.head(TRIAL) == 6
    assert told.opened(TRIAL, 4) == {"data.verbatim": "Mrs Smith fainted in the ward"}
    door.tell(adverse_event(term="Sepsis", verbatim="Mrs Jones collapsed"))
    tell(kafka, door.ledger, TRIAL)
    assert told.head(TRIAL) == 7
    assert list(told.canonical(TRIAL)) == list(door.ledger.canonical(TRIAL))
    assert told.opened(TRIAL, 7) == {"data.verbatim": "Mrs Jones collapsed"}


def test_threads_that_read_at_once_all_read_the_whole(told: KafkaLedger, door: Door) -> None:
    whole, read = list(door.ledger.canonical(TRIAL)), list[list[tuple[int, bytes]]]()
    readers = [threading.Thread(target=lambda: read.append(list(told.canonical(TRIAL)))) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert read == [whole] * 6


def test_who_is_overtaken_by_another_reader_reads_what_that_one_folded(
    told: KafkaLedger, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, overtaken = _Fold.advance, list[int]()

    def slow(fold: _Fold, end: int) -> list[Standing]:
        """In the moment between looking and folding another reader folds everything."""
        if not overtaken:
            overtaken.append(0)
            overtaken[0] = told.head(TRIAL)
        return advance(fold, end)

    whole = list(door.ledger.canonical(TRIAL))
    monkeypatch.setattr(_Fold, "advance", slow)
    assert list(told.canonical(TRIAL)) == whole
    assert overtaken == [len(whole)]


def test_a_record_of_nobody_holds_no_reader_up(told: KafkaLedger, kafka: Connection, door: Door) -> None:
    partition = partition_of(TRIAL, PARTITIONS)
    with Writer(kafka) as writer:
        writer.send([Outgoing(LEDGER, partition, TRIAL.encode(), b"{}", [])])
    door.tell(lab(analyte="GGT"))
    tell(kafka, door.ledger, TRIAL)
    assert list(told.canonical(TRIAL)) == list(door.ledger.canonical(TRIAL))


# -- findings and quarantine


def published(ledger: ReadableLedger, trial: str, at: list[int]) -> list[list[PublishedChange]]:
    """The changes of each fact of a trial, as a monitor sends them."""
    state, told = Trial(trial), []
    for (position, fact), offset in zip(ledger.facts(trial), at, strict=True):
        state, changes = step(state, fact, position)
        told.append([PublishedChange(trial, body, offset, "code") for body in written(trial, changes)])
    return told


def places(kafka: Connection, ledger: KafkaLedger, trial: str) -> list[int]:
    ledger.head(trial)
    return ledger._fold(trial).offsets


def test_findings_stand_from_their_mark_on_and_only_once(told: KafkaLedger, kafka: Connection, door: Door) -> None:
    Monitor(door.ledger).catch_up()
    whole = list(door.ledger.published(TRIAL))
    assert len(whole) > 4
    partition = partition_of(TRIAL, PARTITIONS)
    offsets = places(kafka, told, TRIAL)
    assert offsets[0] == 0
    changes = [[one.outgoing(partition) for one in of] for of in published(told, TRIAL, offsets)]
    with Writer(kafka) as writer:

        def send(*sent: Outgoing) -> None:
            writer.send(sent)

        send(*changes[0], *changes[1], *changes[2], *changes[3])
        assert (told.published_up_to(TRIAL), list(told.published(TRIAL))) == (0, [])
        send(Mark(0, offsets[2], {TRIAL: 1}).outgoing(partition))
        assert told.published_up_to(TRIAL) == 2
        assert list(told.published(TRIAL)) == [one for one in whole if one[0] <= 2]
        # A worker that died between sending and committing: the same again, and then all the rest.
        for of in changes:
            send(*of)
        send(Mark(offsets[1], offsets[5] + 1, {TRIAL: 2}).outgoing(partition))
    assert told.published_up_to(TRIAL) == 6
    assert list(told.published(TRIAL)) == whole
    assert list(told.published(TRIAL, after=3)) == list(door.ledger.published(TRIAL, after=3))


def test_a_mark_beyond_a_gap_covers_nothing(told: KafkaLedger, kafka: Connection) -> None:
    partition = partition_of(TRIAL, PARTITIONS)
    with Writer(kafka) as writer:
        writer.send([Mark(3, 6, {TRIAL: 4}).outgoing(partition)])
    assert told.published_up_to(TRIAL) == 0


def refused(where: str, message: bytes, key: RecordKey, trial: str | None = TRIAL) -> QuarantineRecord:
    received = datetime(2026, 6, 1, 12, tzinfo=UTC)
    return QuarantineRecord.of(received, where, trial, None, "data.value", "no such value", message, key)


def test_what_is_no_fact_stands_once_with_its_place_and_its_message(told: KafkaLedger, kafka: Connection) -> None:
    keys = [RecordKey.draw(), RecordKey.draw(), RecordKey.draw()]
    first, other = refused("tocsin.raw.labs[1]@7", b"what", keys[0]), refused("tocsin.raw.labs[2]@9", b"else", keys[1])
    again = refused("tocsin.raw.labs[1]@7", b"what", keys[2])
    with Writer(kafka) as writer:
        writer.send([key.outgoing(partition) for key, partition in zip(keys, (1, 2, 1), strict=True)])
        sent: list[Place] = writer.send([first.outgoing(1), other.outgoing(2), again.outgoing(1)])
    numbers = [quarantine_number(place.partition, place.offset, PARTITIONS) for place in sent]
    found = list(told.quarantined())
    assert [(one.number, one.address, one.digest) for one in found] == [
        (numbers[0], first.address, first.digest),
        (numbers[1], other.address, other.digest),
    ]
    assert [one.number for one in told.quarantined(after=numbers[0])] == [numbers[1]]
    assert [told.quarantined_raw(number) for number in numbers] == [b"what", b"else", b"what"]
    with pytest.raises(LookupError):
        told.quarantined_raw(10_000)
    assert "what" not in str(found)


# -- the doors


def test_the_commands_read_a_home_on_kafka_as_they_read_a_folder(told: KafkaLedger, kafka: Connection) -> None:
    home = str(kafka)
    (rule,) = [
        found
        for line in tocsin(
            "findings", "--home", home, "--trial", TRIAL, "--kind", "participant_rule"
        ).stdout.splitlines()
        if (found := orjson.loads(line))["rule"] == "intolerable_toxicity"
    ]
    assert (rule["participant"], rule["since"]) == ("P-001", 4)
    replayed = tocsin("replay", "--home", home, "--trial", TRIAL, "--as-of", "4").stdout
    assert replayed
    assert max(orjson.loads(line)["since"] for line in replayed.splitlines()) == 4
    story = tocsin("history", "--home", home, "--trial", TRIAL, "--record", SAID[3]["record"]).stdout
    assert b"Mrs Smith fainted in the ward" in story


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trial", "NOBODY"], f"no trial NOBODY; there is {TRIAL}, {OTHER}"),
        (["--trial", TRIAL, "--as-of", "7"], f"the ledger of {TRIAL} ends at position 6"),
    ],
)
def test_what_is_not_there_is_wrong_usage(told: KafkaLedger, kafka: Connection, words: list[str], message: str) -> None:
    ended = tocsin("findings", "--home", str(kafka), *words)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert message in ended.stderr.decode()


def test_a_home_without_topics_says_what_makes_them(bare_kafka: Connection) -> None:
    ended = tocsin("findings", "--home", str(bare_kafka), "--trial", TRIAL)
    assert ended.returncode == 2
    assert b"tocsin topics create" in ended.stderr
