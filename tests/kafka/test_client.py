"""Does a client that finds no broker leave anything behind?"""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from streams.kafka.client import reached
from streams.kafka.connection import SCHEME, Connection
from tests.kafka.broker import HOST, free_port


def held() -> tuple[int, int]:
    """The threads of this process, and its open files."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaAdminClient, KafkaProducer])
def test_a_client_that_finds_no_broker_leaves_no_thread_and_no_file(kind: Callable[..., object]) -> None:
    nowhere = Connection.to(f"{SCHEME}{HOST}:{free_port()}", reaching_seconds=0.2)
    before = held()
    for _ in range(3):
        with pytest.raises(KafkaError):
            reached(kind, nowhere)
    assert held() == before
