"""Which ledger does a home name? A folder is an embedded home, kafka://host:port one of the distributed engine."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streams.ledger.reading import ReadableLedger

if TYPE_CHECKING:
    from streams.kafka.connection import Connection
    from streams.ledger.carrying import Carrier
    from tocsin.settings import KafkaSettings

KAFKA = "kafka://"


class NoHomeError(ValueError):
    """What was given names no home that can be read; the message says why."""


class WorldDownError(RuntimeError):
    """The home is named rightly, but does not answer."""


def on_kafka(home: str) -> bool:
    """Whether a home is on the distributed engine."""
    return home.startswith(KAFKA)


def exists(home: str) -> bool:
    """Whether there can be a ledger; that of a broker shows when it is asked."""
    from streams.local import LEDGER

    return on_kafka(home) or (Path(home) / LEDGER).exists()


@contextmanager
def ledger_of(home: str) -> Iterator[ReadableLedger]:
    """The ledger of a home, for reading beside whoever writes it."""
    with _on_kafka(home) if on_kafka(home) else _in_folder(Path(home)) as ledger:
        yield ledger


@contextmanager
def _in_folder(home: Path) -> Iterator[ReadableLedger]:
    from streams.local import Home

    if not exists(str(home)):
        raise NoHomeError(f"{home}: no ledger here")
    with closing(Home.reading(home)) as ledger:
        yield ledger


@contextmanager
def broker_of(home: str) -> Iterator[tuple["Connection", "KafkaSettings"]]:
    """The connection to a home on Kafka, and its settings. A broker that fails is the world being down."""
    from kafka.errors import KafkaError

    from streams.kafka.log import LostError
    from streams.kafka.topics import NoTopicsError
    from tocsin.settings import kafka_settings

    logging.getLogger("kafka").setLevel(logging.ERROR)  # a command says in one line what is wrong
    try:
        settings = kafka_settings()
        connection = settings.connection(home)
    except (ValueError, OSError) as error:
        raise NoHomeError(str(error)) from error
    try:
        yield connection, settings
    except NoTopicsError as error:
        raise NoHomeError(str(error)) from error
    except (KafkaError, LostError) as error:
        raise WorldDownError(f"{connection}: {type(error).__name__}: {error}") from error


@contextmanager
def _on_kafka(home: str) -> Iterator[ReadableLedger]:
    from streams.ledger.kafka import KafkaLedger

    with broker_of(home) as (connection, _), closing(KafkaLedger(connection)) as ledger:
        yield ledger


@contextmanager
def carrier_of(home: str, what: str) -> Iterator["Carrier"]:
    """The ledger of a home to carry trials from or to. A folder is held meanwhile: nobody else writes to it."""
    if on_kafka(home):
        from streams.ledger.kafka_carrying import KafkaCarrier

        with broker_of(home) as (connection, _), closing(KafkaCarrier(connection)) as ledger:
            yield ledger
        return
    from streams.holding import Hold, HomeBusyError
    from streams.ledger.sqlite_carrying import SqliteCarrier
    from streams.local import LEDGER
    from streams.monitor import Monitor

    Path(home).mkdir(parents=True, exist_ok=True)
    try:
        hold = Hold(Path(home), what)
    except HomeBusyError as error:
        raise WorldDownError(str(error)) from error
    try:
        with closing(SqliteCarrier(Path(home) / LEDGER)) as carrier:
            yield carrier
            Monitor(carrier).catch_up()  # what follows from facts that were carried here is published here
    finally:
        hold.release()
