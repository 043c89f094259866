"""Do the agents together do what the embedded engine does in one process? One system, followed by all these tests."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.topics import FAMILIES, RAW, Topic
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.records import Outgoing, partition_of
from streams.kafka.writer import Place, Writer
from streams.ledger.kafka import KafkaLedger
from streams.ledger.reading import Quarantined
from tests.builders import TRIAL, adopted, as_bytes, enrolled, lab
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.trials import protocol_of
from tests.kafka.waiting import eventually
from tests.kafka.working import Working
from tests.streams.test_intake import BAD

NAMES = (f"T-{number}" for number in count(1))


@dataclass
class System:
    """Intake, monitor and alerts at work, and what one does with them."""

    connection: Connection
    folder: Path
    writer: Writer
    workers: dict[str, Working]
    ledger: KafkaLedger
    trials: Iterator[str] = field(default_factory=lambda: NAMES)

    def tell(self, raw: bytes, trial: str, topic: Topic | None = None, partition: int | None = None) -> Place:
        """Sends one message as a stranger would; gives where it stands."""
        number = partition_of(trial, PARTITIONS) if partition is None else partition
        (place,) = self.writer.send([Outgoing(topic or family_of(raw), number, trial.encode(), raw, [])])
        return place

    def opened(self, trial: str | None = None, **more: Any) -> str:
        """A new trial with one participant."""
        trial = trial or next(self.trials)
        self.tell(as_bytes(adopted(trial=trial, protocol=protocol_of(trial), **more)), trial, RAW[0])
        self.tell(as_bytes(enrolled(trial=trial)), trial, RAW[0])
        self.said(trial, "dm/P-001")
        return trial

    def said(self, trial: str, record: str) -> int:
        """Waits until a record stands in the ledger of a trial; gives its position."""

        def stands() -> list[int]:
            return [position for position, fact in self.ledger.facts(trial) if fact.record == record]

        return eventually(stands, bool)[0]

    def quarantined(self, place: Place) -> Quarantined:
        """Waits for a message in quarantine."""
        asked = address_of(place)
        return eventually(lambda: [one for one in self.ledger.quarantined() if one.address == asked], bool)[0]


def address_of(place: Place) -> str:
    """Where a message stands, as quarantine writes it."""
    return f"{place.topic}[{place.partition}]@{place.offset}"


def family_of(raw: bytes) -> Topic:
    """The topic of a message's family."""
    fact = schemas.parse(raw)
    return RAW[0] if isinstance(fact, schemas.Refusal) else RAW[FAMILIES.index(fact.family)]


@pytest.fixture(scope="module")
def system(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    connection = Connection.to(f"{SCHEME}{kafka_address}/test-{uuid.uuid4().hex[:12]}")
    topics.create(connection, PARTITIONS, replication=1)
    folder = tmp_path_factory.mktemp("agents")
    with ExitStack() as opened:
        workers = {
            name: opened.enter_context(Working(name, connection, folder)) for name in ("intake", "monitor", "alerts")
        }
        writer = opened.enter_context(Writer(connection))
        ledger = opened.enter_context(closing(KafkaLedger(connection)))
        yield System(connection, folder, writer, workers, ledger)


def test_every_bad_input_lands_in_quarantine_with_its_place_and_the_next_message_is_taken(system: System) -> None:
    trial = system.opened(TRIAL)
    places: dict[str, Place] = {}
    bad = BAD | {"a time in the future": (as_bytes(lab() | {"time": "2126-01-01T00:00:00Z"}), "time")}
    for number, (name, (raw, _)) in enumerate(bad.items()):
        topic = RAW[number % len(RAW)]
        places[name] = system.tell(raw, trial, topic)
        system.tell(as_bytes(lab(trial=trial, record=f"after-{number}")), trial, topic)
    good = {f"after-{number}" for number in range(len(bad))}
    eventually(lambda: good - {fact.record for _, fact in system.ledger.facts(trial)}, lambda missing: not missing)
    told = {one.address: one for one in system.ledger.quarantined()}
    for name, (raw, path) in bad.items():
        one = told[address_of(places[name])]
        assert (one.path, one.digest) == (path, hashlib.sha256(raw).hexdigest()), name
    largest = max(bad, key=lambda name: len(bad[name][0]))
    assert system.ledger.quarantined_raw(told[address_of(places[largest])].number) == bad[largest][0]
    assert {name: worker.code for name, worker in system.workers.items()} == dict.fromkeys(system.workers)
