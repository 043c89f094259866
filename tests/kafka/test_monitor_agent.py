"""Does the distributed monitor publish what the embedded one does, whoever dies meanwhile?"""

from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

from schemas.topics import FINDINGS, QUARANTINE
from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, Mark, QuarantineRecord, partition_of, read_finding
from streams.kafka.writer import Writer
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.judging import evaluated, published
from tests.kafka.trials import Told, spread, told
from tests.kafka.waiting import eventually
from tests.kafka.working import Working, standing

BOTH_WAYS = pytest.mark.parametrize("options", [(), ("--by-event",)], ids=["by run", "event by event"])


def written(connection: Connection, trials: list[Told], at_once: int = 1_000_000, pause: float = 0) -> None:
    """Writes the ledgers of trials as an intake would: each in order, all by turns."""
    with Writer(connection) as writer:
        for start in range(0, max(len(trial.records) for trial in trials), at_once):
            for trial in trials:
                partition = partition_of(trial.trial, PARTITIONS)
                writer.send([one.outgoing(partition) for one in trial.records[start : start + at_once]])
            sleep(pause)


def all_evaluated(connection: Connection) -> None:
    eventually(lambda: evaluated(connection), bool, patience=120)


@BOTH_WAYS
def test_what_is_published_is_byte_for_byte_what_the_embedded_engine_publishes(
    kafka: Connection, tmp_path: Path, options: tuple[str, ...]
) -> None:
    trials = [told(name, 300) for name in spread(5, PARTITIONS)]
    written(kafka, trials)
    with Working("monitor", kafka, tmp_path, "a", *options) as worker:
        all_evaluated(kafka)
        assert worker.stop() == 0
    said = published(kafka)
    assert said.bodies == {trial.trial: list(trial.findings) for trial in trials}
    assert said.repeated == 0


def test_a_record_that_stands_twice_is_one_fact_and_one_that_contradicts_goes_to_quarantine(
    kafka: Connection, tmp_path: Path
) -> None:
    (name,) = spread(1, PARTITIONS)
    trial, partition = told(name, 60), partition_of(name, PARTITIONS)
    twice, other = trial.records[30], replace(trial.records[40], digest=b"\0" * 32)
    records: list[LedgerRecord] = [*trial.records[:50], twice, other, *trial.records[50:]]
    with Writer(kafka) as writer:
        writer.send([one.outgoing(partition) for one in records])
    with Working("monitor", kafka, tmp_path):
        all_evaluated(kafka)
    assert published(kafka).bodies == {name: list(trial.findings)}
    marks = [told for told in map(read_finding, standing(kafka, FINDINGS)[partition]) if isinstance(told, Mark)]
    assert [offset for mark in marks for offset in mark.dropped] == [50, 51]
    (refused,) = map(QuarantineRecord.read, standing(kafka, QUARANTINE)[partition])
    at = f"{kafka.namespace}.tocsin.ledger[{partition}]@51"
    assert (refused.address, refused.trial, refused.path) == (at, name, "revision")
