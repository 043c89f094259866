"""Is anything lost when brokers die, or their disk is full? Workers under their supervisor, on brokers of our own."""

from contextlib import ExitStack, closing
from pathlib import Path

from kafka.errors import KafkaError

from schemas.topics import FINDINGS
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection
from streams.kafka.log import Log
from tests.kafka.broker import Broker, Cluster
from tests.kafka.course import Course, invented
from tests.kafka.waiting import eventually
from tests.kafka.working import AGENTS, Working

PARTITIONS = 4


def moves_on(connection: Connection, course: Course) -> None:
    """Tells on, and waits until more is said than now: facts came through, and were evaluated."""

    def said() -> int:
        try:
            return sum(log.end(FINDINGS, number) for number in range(PARTITIONS))
        except KafkaError:
            return 0  # whoever asks meets the dead broker too

    with closing(Log(connection)) as log:
        before = eventually(said, bool, 180)
        course.go_on()
        eventually(said, lambda now: now > before, 180)


def at_work(opened: ExitStack, connection: Connection, folder: Path, replication: int) -> list[Working]:
    settings = {"TOCSIN_KAFKA_REPLICATION": str(replication), "TOCSIN_KAFKA_SESSION_SECONDS": "6"}
    workers = [Working(name, connection, folder, environment=settings, supervised=True) for name in AGENTS]
    return [opened.enter_context(worker) for worker in workers]


def test_one_of_three_brokers_may_die_and_one_may_fill_its_disk(own_brokers: None, tmp_path: Path) -> None:
    with ExitStack() as opened:
        cluster = opened.enter_context(Cluster(tmp_path / "kafka"))
        connection = Connection.to(SCHEME + cluster.address)
        topics.create(connection, PARTITIONS, replication=3)
        course = Course(connection, tmp_path, invented(connection, 4, 100), rate=40, at_once=50, parts=4)
        workers = at_work(opened, connection, tmp_path, replication=3)
        with course.told():
            moves_on(connection, course)
            cluster.brokers[1].kill()
            moves_on(connection, course)
            cluster.brokers[1].restart()
            cluster.brokers[2].limit_files(1)
            moves_on(connection, course)
        assert [worker.stop() for worker in workers] == [0, 0, 0]
        course.judge()


def test_the_only_broker_may_die_and_fill_its_disk(own_brokers: None, tmp_path: Path) -> None:
    with ExitStack() as opened:
        broker: Broker = opened.enter_context(Broker(tmp_path / "kafka"))
        connection = Connection.to(SCHEME + broker.address)
        topics.create(connection, PARTITIONS, replication=1)
        course = Course(connection, tmp_path, invented(connection, 4, 100), rate=40, at_once=50, parts=4)
        workers = at_work(opened, connection, tmp_path, replication=1)
        with course.told():
            moves_on(connection, course)
            broker.restart()
            moves_on(connection, course)
            broker.limit_files(1)
            eventually(lambda: broker.is_running, lambda runs: not runs)
            broker.restart()
        assert [worker.stop() for worker in workers] == [0, 0, 0]
        course.judge()
