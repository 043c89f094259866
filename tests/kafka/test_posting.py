"""Are messages that come one by one taken in the order in which they were acknowledged, over topics and restarts?"""

from collections.abc import Mapping, Sequence
from random import Random

import pytest

from schemas.topics import RAW
from streams.admitting import Message
from streams.kafka.connection import Connection
from streams.kafka.posting import Door
from streams.kafka.raw import FAMILY_OF
from streams.kafka.records import Received, partition_of
from streams.kafka.sending import LARGEST
from streams.kafka.sequence import Sequencer
from tests.builders import TRIAL, adopted, as_bytes, dose, enrolled, lab
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.working import standing

TOLD = [adopted(), *(make(f"P-{n:03}") for n in range(8) for make in (enrolled, dose, lab))]
PARTITION = partition_of(TRIAL, PARTITIONS)


@pytest.fixture
def raw(kafka: Connection) -> Connection:
    """A run of another sender stands there already."""
    door = Door(kafka, "other")
    door.post(messages(TOLD[:1]))
    door.close()
    return kafka


def messages(told: list[dict[str, object]]) -> list[Message]:
    return [Message(as_bytes(one), f"http:{number}") for number, one in enumerate(told)]


def taken(connection: Connection) -> list[bytes]:
    """What an intake takes, in whatever order its topics answer."""
    there = {topic.name.rpartition(".")[2]: standing(connection, topic)[PARTITION] for topic in RAW}
    orders = [_taken(there, Random(seed)) for seed in range(20)]
    assert all(order == orders[0] for order in orders)
    return orders[0]


def _taken(there: Mapping[str, Sequence[Received]], chance: Random) -> list[bytes]:
    waiting = {family: list(records) for family, records in there.items()}
    sequencer, order = Sequencer({}), list[Received]()
    while any(waiting.values()):
        family = chance.choice([family for family, records in waiting.items() if records])
        order += sequencer.receive(family, waiting[family].pop(0))
    assert not list(sequencer.held())
    return [record.value or b"" for record in order]


@pytest.mark.parametrize("at_once", [1, 5])
def test_a_fact_is_never_taken_before_one_that_was_acknowledged_earlier(raw: Connection, at_once: int) -> None:
    door = Door(raw, "a-8117")
    for start in range(1, len(TOLD), at_once):
        outcomes = door.post(messages(TOLD[start : start + at_once]))
        assert {outcome["outcome"] for outcome in outcomes} == {"sent"}
    door.close()
    assert taken(raw) == [as_bytes(one) for one in TOLD]


def test_an_answer_says_where_the_message_stands(raw: Connection) -> None:
    door = Door(raw, "a-8117")
    (outcome,) = door.post([Message(as_bytes(TOLD[3]), "http:abc")])
    door.close()
    (record,) = standing(raw, next(t for t in RAW if t.name.endswith(FAMILY_OF["LabResulted"])))[PARTITION]
    assert outcome["address"] == "http:abc"
    assert (outcome["topic"], outcome["partition"], outcome["offset"]) == (record.topic, PARTITION, record.offset)
    assert record.value == as_bytes(TOLD[3])


def test_what_a_server_had_begun_when_it_died_is_passed_by_the_next_one(raw: Connection) -> None:
    """Of a window of three only two arrived: nobody waits for the third once the server is back."""
    dying = Door(raw, "a-8117")
    dying.post(messages(TOLD[1:3]))
    window = dying._lanes[PARTITION].next_window(messages(TOLD[3:6]))
    dying._writer.send([record for _, record in window[:2]])
    dying.close()
    again = Door(raw, "a-8117")
    again.post(messages(TOLD[3:8]))
    again.close()
    assert taken(raw) == [as_bytes(one) for one in [*TOLD[:5], *TOLD[3:8]]]


def test_a_message_that_no_topic_takes_is_told_and_holds_nobody_up(raw: Connection) -> None:
    door = Door(raw, "a-8117")
    outcomes = door.post([Message(b"x" * (LARGEST + 1), "http:0"), *messages(TOLD[1:2])])
    door.close()
    assert [outcome["outcome"] for outcome in outcomes] == ["not_sent", "sent"]
