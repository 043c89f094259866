"""A Kafka for the tests that need one: started once for the whole run, on first use, or the one TOCSIN_KAFKA names.

Every test that asks for `kafka` gets a namespace with topics of its own, so that none sees what another wrote.
"""

import os
import uuid
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient

from schemas.topics import TOPICS
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from tests.kafka.broker import Broker, unavailable

PARTITIONS = 4
REQUIRED = "kafka" in os.environ.get("TOCSIN_REQUIRE", "").split(",")


@pytest.fixture(scope="session")
def own_brokers() -> None:
    """For a test that starts, kills and fills brokers of its own."""
    if why := unavailable():
        assert not REQUIRED, f"TOCSIN_REQUIRE asks for kafka, but {why}"
        pytest.skip(why)


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a broker is: `host:port`."""
    if named := os.environ.get("TOCSIN_KAFKA"):
        yield named
        return
    if why := unavailable():
        assert not REQUIRED, f"TOCSIN_REQUIRE asks for kafka, but {why}"
        pytest.skip(f"{why}, and TOCSIN_KAFKA names none")
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.address


@pytest.fixture
def bare_kafka(kafka_address: str) -> Iterator[Connection]:
    """A namespace of the test's own, still without topics."""
    connection = Connection.to(f"{SCHEME}{kafka_address}/test-{uuid.uuid4().hex[:12]}")
    yield connection
    with KafkaAdminClient(**connection.kafka_python()) as admin:
        mine = set(admin.list_topics()) & {connection.topic(topic) for topic in TOPICS}
        if mine:
            admin.delete_topics(list(mine))


@pytest.fixture
def kafka(bare_kafka: Connection) -> Connection:
    """A namespace of the test's own, with its topics."""
    topics.create(bare_kafka, PARTITIONS, replication=1)
    return bare_kafka
