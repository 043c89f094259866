"""Does a file give the same ledger through the raw topics as in one process, whatever cuts its sender off?"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from protocols import shipped
from schemas.topics import QUARANTINE, RAW
from streams.intake import Intake, Message, Unusable
from streams.kafka import raw, sending
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.raw import BY_FAMILY
from streams.kafka.records import Received, partition_of
from streams.kafka.sending import LARGEST, run_of, send
from streams.kafka.sequence import Sequencer
from streams.ledger.sqlite import Ledger
from streams.simulation import simulate
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, dose, enrolled, lab
from tests.builders import Message as Said
from tests.forking import tocsin
from tests.integration.test_doors import lines, ndjson
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.told import Stored
from tests.streams.conftest import SetClock

SIMULATED = tuple(simulate(shipped("ak117_hnscc"), participants=3))[:3_000]
STORY = (
    adopted(clock="simulated", time="2026-03-01T00:00:00Z"),
    enrolled(),
    dose(),
    lab(analyte="HGB", value="78", unit="g/L", lower="120", upper="160"),
    adverse_event(term="Sepsis", grade=4, verbatim="Mrs Miller collapsed"),
)


def messages_of(raws: Sequence[bytes]) -> list[Message | Unusable]:
    return [Message(line, f"facts.ndjson:{number}") for number, line in enumerate(raws, 1)]


def arriving(connection: Connection, chance: Random) -> Iterator[Message | Unusable]:
    """What intake takes of all raw topics, which come in any order among one another."""
    log = Log(connection)
    for partition in range(PARTITIONS):
        logs = {
            family: list(log.read(topic, partition, 0, log.end(topic, partition)))
            for family, topic in BY_FAMILY.items()
        }
        sequencer = Sequencer({})
        while left := [family for family in logs if logs[family]]:
            family = chance.choice(left)
            record: Received = logs[family].pop(0)
            yield from map(raw.read, sequencer.receive(family, record))
    log.close()


def ledger_of(messages: Sequence[Message | Unusable], folder: Path) -> dict[str, list[tuple[int, bytes]]]:
    ledger = Ledger(folder)
    Intake(ledger, SetClock()).receive(messages)
    told = {trial: list(ledger.canonical(trial)) for trial in ledger.trials()}
    ledger.close()
    return told


def same_ledger(connection: Connection, raws: Sequence[bytes], tmp_path: Path) -> bool:
    """Whether the topics give the ledger that the messages give by themselves. (No free text: its keys are drawn.)"""
    assert not any(b"verbatim" in line or b"comment" in line for line in raws)
    from_topics = ledger_of(list(arriving(connection, Random(7))), tmp_path / "from-topics")
    return from_topics == ledger_of(messages_of(raws), tmp_path / "alone")


PLAIN = tuple(line for line in SIMULATED if b"verbatim" not in line and b"comment" not in line)


def sent(connection: Connection, messages: Sequence[Message | Unusable]) -> list[dict[str, object]]:
    return list(send(connection, messages, run_of(messages)[0]))


def test_each_message_goes_to_the_topic_of_its_family_and_the_partition_of_its_trial(kafka: Connection) -> None:
    told = sent(kafka, messages_of([as_bytes(said) for said in STORY]))
    families = ["trial", "participants", "dosing", "labs", "adverse_events"]
    assert [one["topic"] for one in told] == [kafka.topic(BY_FAMILY[family]) for family in families]
    assert {one["partition"] for one in told} == {partition_of(TRIAL, PARTITIONS)}
    assert [(one["outcome"], one["address"]) for one in told] == [("sent", f"facts.ndjson:{n}") for n in range(1, 6)]


def test_what_was_sent_is_read_as_it_came_with_both_its_addresses(kafka: Connection) -> None:
    unusable = Unusable(b"row", "lb.xpt:12", TRIAL, "LBSTRESN", "no number")
    sent(kafka, [*messages_of([as_bytes(STORY[0])]), unusable])
    place = f"{kafka.topic(RAW[0])}[{partition_of(TRIAL, PARTITIONS)}]"
    assert list(arriving(kafka, Random(1))) == [
        Message(as_bytes(STORY[0]), f"{place}@0 (facts.ndjson:1)"),
        Unusable(b"row", f"{place}@1 (lb.xpt:12)", TRIAL, "LBSTRESN", "no number"),
    ]


@pytest.mark.parametrize(
    ("line", "family"),
    [
        (b"{", "trial"),
        (b"[]", "trial"),
        (b'{"type":7}', "trial"),
        (b'{"type":"tocsin.Unknown.v1"}', "trial"),
        (b'{"type":"LabResulted"}', "trial"),
        (b'{"type":"tocsin.LabResulted.v1"}', "labs"),
        (b'{"type":"tocsin.AdverseEventReported.v1"}', "adverse_events"),
    ],
)
def test_what_cannot_be_read_goes_where_it_will_be_refused(line: bytes, family: str) -> None:
    message = Message(line, "x:1")
    assert raw.family_of(message) == family
    assert raw.trial_of(message) is None
    assert raw.partition_for(message, 8) == raw.partition_for(Message(line, "y:2"), 8)


def test_a_reason_that_nobody_of_ours_wrote_is_still_a_reason() -> None:
    strange = Stored(b"row", None, (("unusable", b"["),), topic="tocsin.raw.trial", partition=0, offset=0)
    told = raw.read(strange)
    assert told == Unusable(b"row", "tocsin.raw.trial[0]@0", None, "", "its sender could make no fact of it")


def test_a_file_gives_the_same_ledger_through_nine_topics(
    kafka: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WINDOW", 40)
    other = [line.replace(TRIAL.encode(), b"OTHER-1") for line in PLAIN[:500]]
    both = [line for pair in zip(PLAIN[:500], other, strict=True) for line in pair]
    assert [one["outcome"] for one in sent(kafka, messages_of(both))] == ["sent"] * 1_000
    assert same_ledger(kafka, both, tmp_path)


def test_a_sender_that_is_killed_and_sends_again_gives_the_same_ledger(kafka: Connection, tmp_path: Path) -> None:
    file = tmp_path / "facts.ndjson"
    file.write_bytes(b"\n".join(PLAIN))
    command = [sys.executable, "-c", "from tocsin.command_line import main; main()"]
    words = ["ingest", str(file), "--home", str(kafka), "--kafka"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sender:
        assert sender.stdout is not None
        told = [json.loads(sender.stdout.readline()) for _ in range(3)]
        sender.send_signal(signal.SIGKILL)
    assert [one["outcome"] for one in told] == ["sent"] * 3
    again = tocsin(*words)
    assert again.returncode == 0, again.stderr
    assert [one["address"] for one in lines(again.stdout)] == [f"facts.ndjson:{n}" for n in range(1, len(PLAIN) + 1)]
    assert same_ledger(kafka, PLAIN, tmp_path)


def test_a_line_that_no_topic_takes_is_told_with_its_place_and_the_next_is_sent(
    kafka: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "facts.ndjson"
    ten_megabytes = as_bytes(lab(data={"comment": "x" * 10_000_000}))
    file.write_bytes(b"\n".join([as_bytes(STORY[0]), b"x" * (LARGEST + 1), ten_megabytes, as_bytes(STORY[1])]))
    told = tocsin("ingest", str(file), "--home", str(kafka))
    assert told.returncode == 3
    assert [(one["outcome"], one["address"]) for one in lines(told.stdout)] == [
        ("sent", "facts.ndjson:1"),
        ("not_sent", "facts.ndjson:2"),
        ("sent", "facts.ndjson:3"),
        ("sent", "facts.ndjson:4"),
    ]
    assert QUARANTINE.largest > LARGEST + 1
    arrived = {one.raw for one in arriving(kafka, Random(1))}
    assert arrived == {as_bytes(STORY[0]), ten_megabytes, as_bytes(STORY[1])}


def test_the_largest_message_that_is_sent_is_taken(kafka: Connection) -> None:
    assert [one["outcome"] for one in sent(kafka, [Message(b"x" * LARGEST, "f" * 4_000)])] == ["sent"]


@pytest.mark.parametrize("how", ["folder", "standard input"])
def test_a_folder_is_read_by_name_and_standard_input_as_it_comes(kafka: Connection, tmp_path: Path, how: str) -> None:
    def written(name: str, said: Sequence[Said]) -> None:
        (tmp_path / name).write_bytes(ndjson(said))

    written("b.jsonl", STORY[3:])
    written("a.ndjson", STORY[:3])
    written("notes.txt", STORY)
    if how == "folder":
        told = tocsin("ingest", str(tmp_path), "--home", str(kafka))
        addresses = ["a.ndjson:1", "a.ndjson:2", "a.ndjson:3", "b.jsonl:1", "b.jsonl:2"]
    else:
        told = tocsin("ingest", "-", "--home", str(kafka), given=ndjson(STORY))
        addresses = [f"-:{number}" for number in range(1, 6)]
    assert told.returncode == 0, told.stderr
    assert [one["address"] for one in lines(told.stdout)] == addresses
    assert [one.raw for one in arriving(kafka, Random(3))] == [as_bytes(said) for said in STORY]


def test_a_folder_goes_into_an_embedded_home_too(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(ndjson(STORY[:2]))
    (tmp_path / "b.ndjson").write_bytes(ndjson(STORY[2:]))
    told = tocsin("ingest", str(tmp_path), "--home", str(tmp_path / "home"))
    assert [(one["outcome"], one["address"]) for one in lines(told.stdout)] == [
        ("accepted", address) for address in ("a.ndjson:1", "a.ndjson:2", "b.ndjson:1", "b.ndjson:2", "b.ndjson:3")
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.ndjson", "--home", "kafka://127.0.0.1:1"], "nowhere.ndjson: No such file"),
        ([".", "--home", "kafka://127.0.0.1:1"], "no file here that ends with .ndjson"),
        (["-", "--home", "a-folder", "--kafka"], "--kafka: a-folder is no kafka://host:port"),
    ],
)
def test_what_cannot_be_read_or_sent_is_wrong_usage(words: list[str], message: str) -> None:
    ended = tocsin("ingest", *words)
    assert ended.returncode == 2
    assert message in ended.stderr.decode()


def test_without_topics_nothing_is_sent(bare_kafka: Connection) -> None:
    ended = tocsin("ingest", "-", "--home", str(bare_kafka), given=ndjson(STORY))
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"tocsin topics create" in ended.stderr
