"""Do the agents together do what the embedded engine does in one process? One system, followed by all these tests."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

import schemas
from clinical.admission import OTHER_CONTENT
from schemas import ClockTicked
from schemas.topics import FAMILIES, RAW, Topic
from streams.app import AGENTS as ALL_AGENTS
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.leaving import FAILED
from streams.kafka.records import Outgoing, partition_of
from streams.kafka.writer import Place, Writer
from streams.ledger.kafka import KafkaLedger
from streams.ledger.reading import Quarantined
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, enrolled, lab, revised
from tests.kafka.broker import free_port
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.trials import protocol_of
from tests.kafka.waiting import eventually
from tests.kafka.working import AGENTS, Working
from tests.streams.test_intake import BAD

T = TypeVar("T")

PORTS: dict[str, int] = {}
SOON = {"TOCSIN_KAFKA_SESSION_SECONDS": "3"}
"""What a worker that has ended had goes to another soon."""
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

    def eventually(self, ask: Callable[[], T], holds: Callable[[T], bool] = bool) -> T:
        """Waits until an answer holds, as long as every worker works."""

        def asked() -> T:
            for worker in self.workers.values():
                worker.works()
            return ask()

        return eventually(asked, holds)

    def said(self, trial: str, record: str) -> int:
        """Waits until a record stands in the ledger of a trial; gives its position."""

        def stands() -> list[int]:
            return [position for position, fact in self.ledger.facts(trial) if fact.record == record]

        return self.eventually(stands)[0]

    def quarantined(self, place: Place) -> Quarantined:
        """Waits for a message in quarantine."""
        asked = address_of(place)
        return self.eventually(lambda: [one for one in self.ledger.quarantined() if one.address == asked])[0]


def address_of(place: Place) -> str:
    """Where a message stands, as quarantine writes it."""
    return f"{place.topic}[{place.partition}]@{place.offset}"


def family_of(raw: bytes) -> Topic:
    """The topic of a message's family."""
    fact = schemas.parse(raw)
    return RAW[0] if isinstance(fact, schemas.Refusal) else RAW[FAMILIES.index(fact.family)]


def measured(name: str, connection: Connection, folder: Path) -> Working:
    """A worker that answers Prometheus; its port is told by `port_of`."""
    PORTS[name] = free_port()
    base = PORTS[name] - list(ALL_AGENTS).index(name)
    return Working(name, connection, folder, "a", "--metrics", f"127.0.0.1:{base}", environment=SOON)


def asked(name: str) -> dict[str, float]:
    """What a worker answers Prometheus: each series with its value."""
    answer = httpx.get(f"http://127.0.0.1:{PORTS[name]}/metrics").text
    return {
        sample.name + "".join(f" {label}" for label in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def system(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    connection = Connection.to(f"{SCHEME}{kafka_address}/test-{uuid.uuid4().hex[:12]}")
    topics.create(connection, PARTITIONS, replication=1)
    folder = tmp_path_factory.mktemp("agents")
    with ExitStack() as opened:
        workers = {name: opened.enter_context(measured(name, connection, folder)) for name in AGENTS}
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
    system.eventually(
        lambda: good - {fact.record for _, fact in system.ledger.facts(trial)}, lambda missing: not missing
    )
    told = {one.address: one for one in system.ledger.quarantined()}
    for name, (raw, path) in bad.items():
        one = told[address_of(places[name])]
        assert (one.path, one.digest) == (path, hashlib.sha256(raw).hexdigest()), name
    largest = max(bad, key=lambda name: len(bad[name][0]))
    assert system.ledger.quarantined_raw(told[address_of(places[largest])].number) == bad[largest][0]
    assert {name: worker.code for name, worker in system.workers.items()} == dict.fromkeys(system.workers)


def alerts_of(system: System, trial: str) -> list[dict[str, Any]]:
    file = system.folder / system.connection.namespace / "alerts.jsonl"
    told = [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
    return [one for one in told if one["trial"] == trial]


def test_who_must_hear_of_a_finding_is_told_once_with_what_it_is_about(system: System) -> None:
    trial = system.opened()
    event = adverse_event(trial=trial, grade=4)
    for _ in range(2):
        system.tell(as_bytes(event), trial)
    told = system.eventually(
        lambda: alerts_of(system, trial), lambda alerts: any("intolerable_toxicity" in a["key"] for a in alerts)
    )
    (one,) = [alert for alert in told if alert["key"] == "participant_rule|intolerable_toxicity|P-001"]
    assert one["who"] == ["investigator"]
    assert (one["state"], one["participant"]) == ("raised", "P-001")
    assert set(one) <= {"id", "trial", "kind", "state", "key", "participant", "scope", "sentence", "since", "who"}
    published = {orjson.loads(body)["id"] for _, _, body in system.ledger.published(trial)}
    assert one["id"] in published


def test_a_message_in_the_partition_of_another_trial_is_quarantined_and_says_so(system: System) -> None:
    trial = system.opened()
    right = partition_of(trial, PARTITIONS)
    place = system.tell(as_bytes(lab(trial=trial)), trial, partition=(right + 1) % PARTITIONS)
    one = system.quarantined(place)
    assert (one.trial, one.path) == (trial, "trial")
    assert f"belong into {right}" in one.message


def ticks_of(system: System, trial: str) -> list[datetime]:
    """The ticks in the ledger of a trial."""
    return [fact.time for _, fact in system.ledger.facts(trial) if isinstance(fact, ClockTicked)]


def test_the_hour_strikes_once_in_a_trial_of_the_systems_clock_whoever_has_its_partition(system: System) -> None:
    before = [system.opened() for _ in range(PARTITIONS)]
    for trial in before:
        system.eventually(partial(ticks_of, system, trial))
    with Working("intake", system.connection, system.folder, "b", environment=SOON) as second:
        after = [system.opened() for _ in range(PARTITIONS)]
        for trial in after:
            system.eventually(partial(ticks_of, system, trial))
        system.eventually(lambda: "Setting newly assigned partitions {T" in second.said)
        assert second.stop() == 0
    for trial in [*before, *after]:
        system.tell(as_bytes(lab(trial=trial)), trial)
        system.said(trial, lab(trial=trial)["record"])
        ticks = ticks_of(system, trial)
        assert len(ticks) == len(set(ticks)) <= 2  # an hour may just have become full
        assert all((time.minute, time.second, time.microsecond) == (0, 0, 0) for time in ticks)


def test_a_free_text_is_known_again_by_an_intake_that_was_started_again(system: System) -> None:
    trial = system.opened()
    event = adverse_event(trial=trial, verbatim="fell down the stairs")
    system.tell(as_bytes(event), trial)
    system.said(trial, event["record"])
    system.workers["intake"].kill()
    system.workers["intake"].start()
    again = system.tell(as_bytes(event), trial)
    other = system.tell(as_bytes(event | {"data": event["data"] | {"verbatim": "fell out of bed"}}), trial)
    corrected = revised(event, verbatim="fell over the cat")
    system.tell(as_bytes(corrected), trial)
    system.eventually(
        lambda: [f.revision for _, f in system.ledger.facts(trial) if f.record == event["record"]], [1, 2].__eq__
    )
    assert system.quarantined(other).message == OTHER_CONTENT
    assert address_of(again) not in {one.address for one in system.ledger.quarantined()}
    texts = [
        system.ledger.opened(trial, position)
        for position, f in system.ledger.facts(trial)
        if f.record == event["record"]
    ]
    assert [told["data.verbatim"] for told in texts if told] == ["fell down the stairs", "fell over the cat"]


def test_each_hop_tells_prometheus_how_far_it_is_and_the_door_what_became_of_messages(system: System) -> None:
    trial = system.opened()
    place = system.tell(b"no fact", trial)
    system.quarantined(place)
    number = partition_of(trial, PARTITIONS)

    def caught_up(name: str, topic: str) -> None:
        hop = f"{name} {number} {topic}"
        said = system.eventually(
            lambda: asked(name),
            lambda said: said.get(f"tocsin_hop_end_offset {hop}", 0) > 0 == said[f"tocsin_hop_lag_records {hop}"],
        )
        assert said[f"tocsin_hop_stuck {hop}"] == 0
        assert said[f"tocsin_hop_committed_offset {hop}"] == said[f"tocsin_hop_end_offset {hop}"]

    caught_up("intake", "tocsin.raw.trial")
    caught_up("monitor", "tocsin.ledger")
    caught_up("alerts", "tocsin.findings")
    assert asked("intake")["tocsin_intake_messages_total intake quarantined"] >= 1
    assert asked("monitor")[f"tocsin_evaluated_position monitor {trial}"] >= 2
    assert {asked(name)[f"tocsin_worker {name} runs"] for name in AGENTS} == {1}


def test_a_second_worker_of_one_name_does_not_start(system: System) -> None:
    second = Working("monitor", system.connection, system.folder, "a")
    second.start()
    assert second.wait() == FAILED
    assert "monitor does not start" in second.said
    assert "held by tocsin worker monitor --id a" in second.said


def test_workers_end_in_good_order_when_they_are_told_to(system: System) -> None:
    assert {name: worker.stop() for name, worker in system.workers.items()} == dict.fromkeys(AGENTS, 0)
