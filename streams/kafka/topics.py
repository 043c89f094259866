"""Are the topics as they must be? `create` makes those that are missing, `check` names every setting that is wrong.

Topics come into being here and nowhere else: one that a client made by the way would have the broker's defaults, and
a ledger with the broker's default retention forgets its facts after a week.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import LEDGER, PARTITIONS, REPLICATION, TOPICS, Topic
from streams.kafka.client import reached
from streams.kafka.connection import Connection

IN_SYNC = "min.insync.replicas"


class NoTopicsError(LookupError):
    """There are no topics here."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"{connection}: there are no topics here; `tocsin topics create` makes them")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a topic."""

    topic: str
    setting: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, must be {self.wanted}"


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker has it."""

    partitions: int
    replication: int
    """The copies of the partition that has the fewest."""
    settings: Mapping[str, str]
    identity: str
    """The broker's own name, which no other topic ever has."""


def create(connection: Connection, partitions: int | None = None, replication: int = REPLICATION) -> tuple[str, ...]:
    """Makes the topics that are missing and gives their names; those that are there stay as they are.

    Without a number of partitions, new topics take that of the ledger, if there is one. Raises `KafkaError`.
    """
    with _admin(connection) as admin:
        there = _found(admin, connection)
        ledger = there.get(connection.topic(LEDGER))
        number = partitions or (ledger.partitions if ledger else PARTITIONS)
        missing = {connection.topic(topic): topic for topic in TOPICS if connection.topic(topic) not in there}
        if missing:
            new = {name: _as_created(topic, number, replication) for name, topic in missing.items()}
            admin.create_topics(new, wait_for_metadata=True)
        return tuple(missing)


def check(connection: Connection, replication: int = REPLICATION) -> tuple[Problem, ...]:
    """Everything that is wrong with the topics, in their order; nothing where all is well. Raises `KafkaError`."""
    return look(connection, replication)[0]


def look(connection: Connection, replication: int) -> tuple[tuple[Problem, ...], Found | None]:
    """Everything that is wrong with the topics, and the ledger as it is. Raises `KafkaError`."""
    with _admin(connection) as admin:
        there = _found(admin, connection)
    ledger = there.get(connection.topic(LEDGER))
    partitions = ledger.partitions if ledger else PARTITIONS
    problems = tuple(
        Problem(name, *said)
        for topic in TOPICS
        for name in [connection.topic(topic)]
        for said in _problems(topic, there.get(name), partitions, replication)
    )
    return problems, ledger


def in_sync(replication: int) -> int:
    """How many copies must be written before a message is acknowledged: two, where there are two."""
    return min(2, replication)


def partitions_of(connection: Connection) -> int:
    """How many partitions every topic has. Raises NoTopicsError where there is no ledger."""
    return _ledger(connection).partitions


def identity(connection: Connection) -> str:
    """The broker's own name of the ledger. Raises NoTopicsError where there is none."""
    return _ledger(connection).identity


def _ledger(connection: Connection) -> Found:
    with _admin(connection) as admin:
        found = _found(admin, connection).get(connection.topic(LEDGER))
    if found is None:
        raise NoTopicsError(connection)
    return found


def _problems(topic: Topic, found: Found | None, partitions: int, replication: int) -> Iterator[tuple[str, str, str]]:
    if found is None:
        yield "the topic", "missing", "made by `tocsin topics create`"
        return
    if found.partitions != partitions:
        yield "partitions", str(found.partitions), f"{partitions}, as the ledger's"
    if found.replication < replication:
        yield "replication", str(found.replication), f"{replication} at least"
    if int(found.settings.get(IN_SYNC, "1")) < in_sync(replication):
        yield IN_SYNC, found.settings.get(IN_SYNC, "1"), f"{in_sync(replication)} at least"
    for setting, wanted in topic.settings.items():
        is_ = found.settings.get(setting, "not set")
        if setting == "max.message.bytes" and is_.isdigit() and int(is_) >= int(wanted):
            continue
        if is_ != wanted:
            yield setting, is_, wanted


def _as_created(topic: Topic, partitions: int, replication: int) -> dict[str, object]:
    settings = topic.settings | {IN_SYNC: str(in_sync(replication))}
    return {"num_partitions": partitions, "replication_factor": replication, "configs": settings}


@contextmanager
def _admin(connection: Connection) -> Iterator[KafkaAdminClient]:
    admin = reached(KafkaAdminClient, connection)
    try:
        yield admin
    finally:
        admin.close()


def _found(admin: KafkaAdminClient, connection: Connection) -> dict[str, Found]:
    """Our topics that exist, by the broker's names; one that is just being removed has no partitions or settings."""
    names = {connection.topic(topic) for topic in TOPICS} & set(admin.list_topics())
    described = [topic for topic in admin.describe_topics(list(names)) if topic["partitions"]] if names else []
    if not described:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic["name"]) for topic in described]
    settings = admin.describe_configs(asked, config_filter="all")["topic"]
    there = ((topic, settings[topic["name"]]) for topic in described)
    return {topic["name"]: _as_found(topic, found) for topic, found in there if found}


def _as_found(topic: dict[str, Any], settings: dict[str, dict[str, Any]]) -> Found:
    partitions = topic["partitions"]
    copies = min(len(partition["replica_nodes"]) for partition in partitions)
    said = {name: str(entry["value"]) for name, entry in settings.items()}
    return Found(len(partitions), copies, said, str(topic["topic_id"]))
