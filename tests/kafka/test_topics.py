"""Are topics made as they must be, and is everything that is wrong with one named?"""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import LEDGER, RAW, TOPICS
from streams.kafka import topics
from streams.kafka.connection import Connection
from streams.kafka.topics import Problem
from tests.forking import tocsin
from tests.integration.test_doors import lines
from tests.kafka.broker import free_port
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.waiting import eventually


def problems(connection: Connection) -> tuple[Problem, ...]:
    """What is wrong, once the broker tells everybody what it was told."""
    return eventually(lambda: topics.check(connection, replication=1), bool)


def test_topics_as_they_are_made_have_no_problem(kafka: Connection) -> None:
    assert topics.check(kafka, replication=1) == ()
    assert topics.partitions_of(kafka) == PARTITIONS


def test_topics_are_made_once(kafka: Connection) -> None:
    assert topics.create(kafka, replication=1) == ()


def test_where_there_are_no_topics_each_is_named(bare_kafka: Connection) -> None:
    assert [problem.topic for problem in topics.check(bare_kafka)] == [bare_kafka.topic(topic) for topic in TOPICS]
    with pytest.raises(LookupError, match="topics create"):
        topics.partitions_of(bare_kafka)


def test_a_missing_topic_is_made_with_the_partitions_of_the_others(bare_kafka: Connection) -> None:
    topics.create(bare_kafka, partitions=3, replication=1)
    with KafkaAdminClient(**bare_kafka.kafka_python()) as admin:
        admin.delete_topics([bare_kafka.topic(RAW[4])])
    gone = Problem(bare_kafka.topic(RAW[4]), "the topic", "missing", "made by `tocsin topics create`")
    eventually(lambda: topics.check(bare_kafka, replication=1), lambda found: found == (gone,))
    assert topics.create(bare_kafka, replication=1) == (bare_kafka.topic(RAW[4]),)
    assert topics.check(bare_kafka, replication=1) == ()


def test_partitions_that_differ_are_named(bare_kafka: Connection) -> None:
    topics.create(bare_kafka, partitions=2, replication=1)
    labs = bare_kafka.topic(RAW[4])
    with KafkaAdminClient(**bare_kafka.kafka_python()) as admin:
        admin.create_partitions({labs: 3})
    assert problems(bare_kafka) == (Problem(labs, "partitions", "3", "2, as the ledger's"),)


def test_too_few_copies_are_named(kafka: Connection) -> None:
    found = topics.check(kafka, replication=3)
    assert {(problem.setting, problem.found) for problem in found} == {
        ("replication", "1"),
        ("min.insync.replicas", "1"),
    }
    assert len(found) == 2 * len(TOPICS)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("retention.ms", "604800000"),
        ("retention.bytes", "1000000"),
        ("cleanup.policy", "compact"),
        ("max.message.bytes", "1048588"),
        ("unclean.leader.election.enable", "true"),
    ],
)
def test_a_ledger_that_could_forget_is_named(kafka: Connection, setting: str, value: str) -> None:
    ledger = kafka.topic(LEDGER)
    with KafkaAdminClient(**kafka.kafka_python()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, ledger, {setting: value})])
    assert problems(kafka) == (Problem(ledger, setting, value, LEDGER.settings[setting]),)


def test_room_for_larger_messages_is_no_problem(kafka: Connection) -> None:
    changed = {"max.message.bytes": str(2 * LEDGER.largest), "retention.ms": "1"}
    with KafkaAdminClient(**kafka.kafka_python()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, kafka.topic(LEDGER), changed)])
    assert [problem.setting for problem in problems(kafka)] == ["retention.ms"]


def test_the_command_makes_topics_and_says_what_is_wrong_with_them(bare_kafka: Connection) -> None:
    home = ("--home", str(bare_kafka))
    made = tocsin("topics", "create", *home, "--partitions", "2", "--replication", "1")
    assert made.returncode == 0, made.stderr
    assert [line["topic"] for line in lines(made.stdout)] == [bare_kafka.topic(topic) for topic in TOPICS]
    assert tocsin("topics", "check", *home, "--replication", "1").returncode == 0
    checked = tocsin("topics", "check", *home)
    assert checked.returncode == 1
    assert {"topic": bare_kafka.topic(LEDGER), "setting": "replication", "found": "1", "wanted": "3 at least"} in lines(
        checked.stdout
    )
    assert len(checked.stderr.splitlines()) == len(lines(checked.stdout)) == 2 * len(TOPICS)


@pytest.mark.parametrize(
    ("home", "code", "message"),
    [
        ("a-folder", 2, "a broker is written kafka://host:port"),
        (f"kafka://127.0.0.1:{free_port()}", 1, "KafkaTimeoutError"),
    ],
)
def test_a_home_that_is_no_broker_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, home: str, code: int, message: str
) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA_REACHING_SECONDS", "1")
    ended = tocsin("topics", "check", "--home", home)
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert message in ended.stderr.decode()
    assert len(ended.stderr.splitlines()) == 1
