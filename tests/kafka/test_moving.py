"""Is a trial the same after it moved, with all that was said, refused and redacted, and is a redacted record closed?"""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from streams.admitting import Message
from streams.intake import Intake
from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, RecordKey, partition_of
from streams.kafka.redacting import redact
from streams.kafka.writer import Writer
from streams.ledger.carrying import SealedFact
from streams.ledger.kafka import KafkaLedger
from streams.ledger.kafka_carrying import KafkaCarrier
from streams.ledger.reading import ReadableLedger
from streams.ledger.sqlite import Ledger
from streams.ledger.sqlite_carrying import SqliteCarrier
from streams.moving import OtherFactsError, move, move_refusals_of_no_trial, summed
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, enrolled, lab, revised
from tests.forking import tocsin
from tests.integration.test_doors import lines, ndjson
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.test_ledger import OTHER
from tests.kafka.waiting import eventually
from tests.streams.conftest import Door, SetClock

REDACTED = adverse_event(term="Sepsis", verbatim="Mrs Jones")
SAID = (
    adopted(),
    enrolled(),
    lab(),
    adverse_event(verbatim="Mrs Smith fainted in the ward"),
    revised(adverse_event(verbatim="Mrs Smith fainted"), reason="the ward does not matter"),
    REDACTED,
    lab(analyte="AST"),
)
REFUSED = (lab("P-404"), b"{}", as_bytes(lab(analyte="GGT"))[:-1])


@pytest.fixture
def told(door: Door) -> Door:
    """A trial with a redacted record and with messages in quarantine, and another trial beside it."""
    for said in SAID:
        door.clock.now += timedelta(seconds=1, microseconds=7)
        door.tell(said, said | {"trial": OTHER} if said is not SAID[0] else adopted(trial=OTHER))
    door.tell(*REFUSED)
    assert door.ledger.destroy_key(TRIAL, "edc", REDACTED["record"]) == 1
    return door


@pytest.fixture
def carried(told: Door, tmp_path: Path) -> Iterator[SqliteCarrier]:
    with closing(SqliteCarrier(tmp_path / "ledger.sqlite")) as carrier:
        yield carrier


@pytest.fixture
def there(kafka: Connection) -> Iterator[KafkaCarrier]:
    with closing(KafkaCarrier(kafka)) as carrier:
        yield carrier


def said_by(ledger: ReadableLedger, trial: str) -> dict[str, object]:
    """All that a home says of a trial; the numbers in quarantine are a home's own."""
    positions = range(1, ledger.head(trial) + 1)
    refused = [one for one in ledger.quarantined() if one.trial == trial]
    return {
        "canonical": list(ledger.canonical(trial)),
        "raw": [ledger.raw(trial, position) for position in positions],
        "opened": [ledger.opened(trial, position) for position in positions],
        "refused": [(one.received, one.address, one.source, one.path, one.message, one.digest) for one in refused],
        "refused raw": [ledger.quarantined_raw(one.number) for one in refused],
    }


def sealed(facts: Iterator[SealedFact]) -> list[tuple[object, ...]]:
    return [(one.position, one.canonical, one.digest, one.salted, one.sealed, one.secret) for one in facts]


def test_a_trial_is_the_same_on_kafka_and_back_in_another_folder(
    carried: SqliteCarrier, there: KafkaCarrier, tmp_path: Path
) -> None:
    whole = said_by(carried, TRIAL)
    assert whole["opened"][3] == {"data.verbatim": "Mrs Smith fainted in the ward"}  # type: ignore[index]
    assert whole["opened"][5] is None  # type: ignore[index]
    moved = move(carried, there, TRIAL)
    assert moved.equal
    assert (moved.facts, moved.quarantined, moved.source) == (7, 1, summed(carried, TRIAL))
    assert said_by(there, TRIAL) == whole
    assert there.trials() == (TRIAL,)
    with closing(SqliteCarrier(tmp_path / "back.sqlite")) as back:
        assert move(there, back, TRIAL).equal
        assert said_by(back, TRIAL) == whole
        assert sealed(back.sealed_facts(TRIAL)) == sealed(carried.sealed_facts(TRIAL)), "not even sealed anew"
        assert list(back.identities(TRIAL)) == list(carried.identities(TRIAL))


def test_a_move_that_is_repeated_moves_nothing_more(
    carried: SqliteCarrier, there: KafkaCarrier, tmp_path: Path
) -> None:
    with closing(SqliteCarrier(tmp_path / "back.sqlite")) as back:
        for source, target in ((carried, there), (there, back)):
            assert move(source, target, TRIAL).facts == 7
            again = move(source, target, TRIAL)
            assert (again.facts, again.quarantined, again.equal) == (0, 0, True)


@pytest.mark.parametrize("arrived", range(7))
def test_a_move_that_was_cut_off_goes_on_where_it_was(
    carried: SqliteCarrier, there: KafkaCarrier, tmp_path: Path, arrived: int
) -> None:
    whole = said_by(carried, TRIAL)
    with closing(SqliteCarrier(tmp_path / "back.sqlite")) as back:
        for source, target in ((carried, there), (there, back)):
            target.adopt(TRIAL, list(source.sealed_facts(TRIAL))[:arrived])
            with closing(KafkaCarrier(there._connection) if target is there else SqliteCarrier(back._path)) as later:
                moved = move(source, later, TRIAL)
                assert (moved.facts, moved.equal) == (7 - arrived, True)
                assert said_by(later, TRIAL) == whole


@pytest.mark.parametrize("theirs", ["another trial under its name", "more than the source has"])
def test_a_target_with_other_facts_is_not_touched(
    carried: SqliteCarrier, there: KafkaCarrier, tmp_path: Path, theirs: str
) -> None:
    facts = list(carried.sealed_facts(TRIAL))
    there.adopt(TRIAL, facts)
    with closing(SqliteCarrier(tmp_path / "other.sqlite")) as other:
        if theirs == "more than the source has":
            other.adopt(TRIAL, facts[:3])
        else:
            clock = SetClock()
            Intake(other, clock).receive([Message(as_bytes(said), "told") for said in (*SAID[:2], SAID[6])])
        before = said_by(there, TRIAL)
        with pytest.raises(OtherFactsError, match="another fact at position"):
            move(other, there, TRIAL)
        assert said_by(there, TRIAL) == before


def test_what_names_no_trial_moves_with_all_of_them(carried: SqliteCarrier, there: KafkaCarrier) -> None:
    for trial in carried.trials():
        move(carried, there, trial)
    assert move_refusals_of_no_trial(carried, there) == 2
    assert move_refusals_of_no_trial(carried, there) == 0
    assert {(one.address, one.digest) for one in there.quarantined()} == {
        (one.address, one.digest) for one in carried.quarantined()
    }
    assert {there.quarantined_raw(one.number) for one in there.quarantined()} == {
        one if isinstance(one, bytes) else as_bytes(one) for one in REFUSED
    }


# -- redaction


def test_what_is_redacted_on_kafka_is_closed_and_everything_else_is_as_before(
    carried: SqliteCarrier, there: KafkaCarrier, kafka: Connection
) -> None:
    move(carried, there, TRIAL)
    whole = said_by(there, TRIAL)
    assert redact(kafka, TRIAL, "edc", SAID[3]["record"]) == 1
    for ledger in (there, KafkaLedger(kafka)):
        eventually(lambda reader=ledger: reader.opened(TRIAL, 4), lambda opened: opened is None)  # type: ignore[misc]
        now = said_by(ledger, TRIAL)
        assert now["canonical"] == whole["canonical"]
        assert [text is None for text in now["raw"]] == [False, False, False, True, True, True, False]  # type: ignore[attr-defined]
        ledger.close()


def test_a_record_that_stands_twice_is_closed_under_each_of_its_keys(told: Door, kafka: Connection) -> None:
    """Its writer died between sending and committing: the next one sealed it again, under a key of its own."""
    keys = [RecordKey.draw(), RecordKey.draw()]
    partition = partition_of(TRIAL, PARTITIONS)
    first = next(iter(told.ledger.identities(TRIAL)))
    twice = [LedgerRecord.of(TRIAL, next(told.ledger.canonical(TRIAL))[1], first.digest, b"raw", key) for key in keys]
    with Writer(kafka) as writer:
        writer.send([key.outgoing(partition) for key in keys])
        writer.send([record.outgoing(partition) for record in twice])
    with closing(KafkaLedger(kafka)) as ledger:
        assert [ledger.secret_of(TRIAL, key.name) for key in keys] == [key.secret for key in keys]
        assert redact(kafka, TRIAL, "sponsor", "protocol/1") == 2
        assert [ledger.secret_of(TRIAL, key.name) for key in keys] == [None, None]
        assert redact(kafka, TRIAL, "sponsor", "protocol/2") == 0


def test_what_was_redacted_after_a_move_is_redacted_by_the_next_one(
    carried: SqliteCarrier, there: KafkaCarrier, kafka: Connection, tmp_path: Path
) -> None:
    move(carried, there, TRIAL)
    carried.destroy_key(TRIAL, "laboratory", SAID[2]["record"])
    move(carried, there, TRIAL)
    eventually(lambda: there.raw(TRIAL, 3), lambda raw: raw is None)
    with closing(SqliteCarrier(tmp_path / "back.sqlite")) as back:
        move(there, back, TRIAL)
        assert back.raw(TRIAL, 4) is not None
        redact(kafka, TRIAL, "edc", SAID[3]["record"])
        eventually(lambda: there.raw(TRIAL, 4), lambda raw: raw is None)
        move(there, back, TRIAL)
        assert [back.raw(TRIAL, position) for position in (3, 4, 5, 6)] == [None] * 4
        assert back.raw(TRIAL, 7) is not None


def test_what_was_redacted_in_the_target_is_not_brought_back(carried: SqliteCarrier, there: KafkaCarrier) -> None:
    facts = list(carried.sealed_facts(TRIAL))
    there.adopt(TRIAL, facts[:4])
    redact(there._connection, TRIAL, "edc", SAID[3]["record"])
    with closing(KafkaCarrier(there._connection)) as later:
        assert move(carried, later, TRIAL).equal
        assert [later.raw(TRIAL, position) for position in (4, 5)] == [None, None]
        assert later.raw(TRIAL, 7) is not None


# -- the door


def test_the_command_moves_a_folder_to_kafka_and_into_another_folder(kafka: Connection, tmp_path: Path) -> None:
    here, back, home = str(tmp_path / "here"), str(tmp_path / "back"), str(kafka)
    simulated = adopted(clock="simulated", time="2026-06-01T00:00:00Z")  # no hour strikes while it is told
    told = tocsin("ingest", "-", "--home", here, given=ndjson([simulated, *SAID[1:], lab("P-404")]) + b"{}\n")
    assert told.returncode == 3
    for source, target in ((here, home), (home, back)):
        moved = tocsin("move", "--from", source, "--to", target)
        assert moved.returncode == 0, moved.stderr
        (line, others) = lines(moved.stdout)
        assert (line["trial"], line["facts"], line["quarantined"], line["equal"]) == (TRIAL, 7, 1, True)
        assert line["from"] == line["to"]
        assert line["from"]["positions"] == 7
        assert others == {"trial": None, "quarantined": 1}
    told_by = [tocsin("history", "--home", one, "--trial", TRIAL).stdout for one in (here, home, back)]
    assert told_by[0] == told_by[1] == told_by[2]
    assert b"Mrs Smith fainted in the ward" in told_by[0]
    with closing(Ledger.reading(tmp_path / "back" / "ledger.sqlite")) as ledger:
        published = b"".join(body + b"\n" for _, _, body in ledger.published(TRIAL))
    assert published == tocsin("replay", "--home", here, "--trial", TRIAL).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "nowhere", "--to", "elsewhere"], "nowhere: no ledger here"),
        (["--from", "kafka://x", "--to", "elsewhere"], "a broker is written kafka://host:port"),
    ],
)
def test_a_move_from_nowhere_is_wrong_usage(words: list[str], message: str, tmp_path: Path) -> None:
    ended = tocsin("move", *words)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert message in ended.stderr.decode()
