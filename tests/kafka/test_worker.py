"""Does a worker refuse what it cannot do, say what it lacks, and go on where Faust has changed?"""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import LEDGER
from streams.kafka import measures
from streams.kafka.connection import Connection
from streams.kafka.leaving import FAILED, REFUSED
from streams.kafka.measures import Measures
from tests.kafka.working import Working


def test_a_worker_does_not_start_on_wrong_topics_and_names_what_is_wrong(kafka: Connection, tmp_path: Path) -> None:
    ledger = kafka.topic(LEDGER)
    with KafkaAdminClient(**kafka.kafka_python()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, ledger, {"retention.ms": "604800000"})])
    worker = Working("monitor", kafka, tmp_path, supervised=True)
    worker.start()
    assert worker.wait() == REFUSED
    assert f"monitor does not start: {ledger}: retention.ms is 604800000, must be -1" in worker.said


def test_without_a_broker_a_worker_leaves_and_says_why(tmp_path: Path) -> None:
    soon = {"TOCSIN_KAFKA_REACHING_SECONDS": "1"}
    worker = Working("monitor", Connection.to("kafka://127.0.0.1:9"), tmp_path, environment=soon)
    worker.start()
    assert worker.wait() == FAILED
    assert "monitor leaves" in worker.said


def test_that_nothing_moves_while_something_is_owed_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(measures, "monotonic", lambda: now[0])
    said = Measures("monitor")
    said.owned((3,))
    said.taken_up(3, 0.1, {LEDGER: 10}, {LEDGER: 10})
    said.looked(LEDGER, 3, 10)
    now[0] += 1000
    said.looked(LEDGER, 3, 12)
    assert said.stuck() == (), "what has just come is not late"
    now[0] += measures.STUCK_SECONDS + 1
    assert said.stuck() == ("tocsin.ledger[3]",)
    said.committed(LEDGER, 3, 11)
    assert said.stuck() == (), "it moves"
    now[0] += measures.STUCK_SECONDS + 1
    assert said.stuck() == ("tocsin.ledger[3]",)
    said.owned(())
    assert said.stuck() == (), "it is another worker's now"
