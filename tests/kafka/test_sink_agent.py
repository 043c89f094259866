"""Does the sink fill a store on a server, whoever is killed meanwhile, and never show what does not stand yet?"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import sleep

import pytest

from schemas.topics import FINDINGS, QUARANTINE
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import QuarantineRecord, RecordKey, partition_of, quarantine_number
from streams.kafka.writer import Writer
from streams.store import Row
from streams.store.clickhouse import Store
from tests.clickhouse.servers import Bridge
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.test_copying import as_told, everything, shown, stamp
from tests.kafka.test_monitor_agent import all_evaluated, written
from tests.kafka.trials import spread, told
from tests.kafka.waiting import eventually
from tests.kafka.working import Working


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with Bridge(tmp_path_factory.mktemp("bridge")) as started:
        yield started


@pytest.fixture
def store(bridge: Bridge) -> Iterator[Store]:
    """What the sinks of the test write."""
    with closing(Store(bridge.server)) as opened:
        opened.wipe()
        yield opened


@pytest.fixture
def environment(bridge: Bridge, tmp_path: Path) -> dict[str, str]:
    password = tmp_path / "password"
    password.write_text(bridge.server.password)
    return {
        "TOCSIN_CLICKHOUSE": f"{bridge.server.host}:{bridge.server.port}",
        "TOCSIN_CLICKHOUSE_USER": bridge.server.user,
        "TOCSIN_CLICKHOUSE_PASSWORD_FILE": str(password),
        "TOCSIN_KAFKA_SESSION_SECONDS": "3",
    }


def reached(store: Store) -> dict[tuple[str, int], int]:
    rows = store.query("SELECT topic, number, max(next) AS next FROM progress GROUP BY topic, number")
    return {(row["topic"], row["number"]): row["next"] for row in rows}


def all_stored(connection: Connection, store: Store) -> None:
    """Waits until the store says that it has everything that stands in the topics."""
    with closing(Log(connection)) as log:
        ends = {(t.name, n): log.end(t, n) for t in (FINDINGS, QUARANTINE) for n in range(PARTITIONS)}
    wanted = {place: end for place, end in ends.items() if end}
    eventually(lambda: wanted.items() <= reached(store).items(), bool, patience=120)


def test_sinks_that_are_killed_and_work_at_once_leave_the_rows_that_follow_from_the_ledger(
    kafka: Connection, tmp_path: Path, store: Store, environment: dict[str, str]
) -> None:
    chance = Random(1)
    trials = [told(name, 300) for name in spread(6, PARTITIONS)]
    expected = as_told(store, trials)
    writing = Thread(target=written, args=(kafka, trials, 20, 0.2))
    ending, wrong = Event(), list[Exception]()

    def watch() -> None:
        try:
            while not ending.wait(1):
                shown(store, [chance.choice(trials)])
        except Exception as error:  # noqa: BLE001  told by the test itself
            wrong.append(error)

    watching = Thread(target=watch)
    sinks = [
        Working("sink", kafka, tmp_path, "a", environment=environment),
        Working("sink", kafka, tmp_path, "b", "--by-event", environment=environment),
    ]
    with Working("monitor", kafka, tmp_path), sinks[0], sinks[1]:
        writing.start()
        watching.start()
        for _ in range(4):
            sleep(chance.uniform(0.5, 2))
            one = chance.choice(sinks)
            one.kill()
            one.start()
        writing.join()
        all_evaluated(kafka)
        all_stored(kafka, store)
        ending.set()
        watching.join()
        assert not wrong, f"{wrong}\n{sinks[0].said}\n{sinks[1].said}"
        assert {sink.stop() for sink in sinks} <= {0, -15}  # one may just have been started
    assert everything(store) == expected
    shown(store, trials)


def test_what_is_no_fact_is_stored_by_its_number(
    kafka: Connection, tmp_path: Path, store: Store, environment: dict[str, str]
) -> None:
    (name,) = spread(1, PARTITIONS)
    import schemas

    now = stamp(schemas.read(told(name, 60).records[0].canonical))
    refused = QuarantineRecord.of(
        now, "tocsin.raw.labs[1]@7", name, None, "", "no JSON", b"Mrs Miller", RecordKey.draw()
    )
    with Writer(kafka) as writer:
        (place,) = writer.send([refused.outgoing(partition_of(name, PARTITIONS))])
    with Working("sink", kafka, tmp_path, environment=environment) as sink:
        all_stored(kafka, store)
        assert sink.stop() == 0
    (row,) = store.query("SELECT * FROM quarantine")
    number = quarantine_number(place.partition, place.offset, PARTITIONS)
    assert (row["number"], row["address"], row["message"]) == (number, "tocsin.raw.labs[1]@7", "no JSON")
    assert "Miller" not in str(row)


def test_a_store_that_was_emptied_is_filled_again(
    kafka: Connection, tmp_path: Path, store: Store, environment: dict[str, str]
) -> None:
    trials = [told(name, 60) for name in spread(2, PARTITIONS)]
    expected: list[list[Row]] = as_told(store, trials)
    written(kafka, trials)
    with Working("monitor", kafka, tmp_path):
        all_evaluated(kafka)
    for _ in range(2):
        store.wipe()
        with Working("sink", kafka, tmp_path, environment=environment) as sink:
            all_stored(kafka, store)
            assert sink.stop() == 0
        assert everything(store) == expected


def test_a_store_of_another_ledger_is_refused_in_words(
    kafka: Connection, tmp_path: Path, store: Store, environment: dict[str, str]
) -> None:
    store.insert("progress", [{"origin": "another", "topic": "tocsin.ledger", "number": 0, "next": 7}])
    with Working("sink", kafka, tmp_path, environment=environment) as sink:
        assert sink.wait() != 0
        assert "the store holds the copy of another ledger: empty it, or name another database" in sink.said


def test_without_a_server_the_sink_says_what_names_one(kafka: Connection, tmp_path: Path) -> None:
    with Working("sink", kafka, tmp_path) as sink:
        assert sink.wait() == 2
        assert "TOCSIN_CLICKHOUSE=host:port names it" in sink.said
