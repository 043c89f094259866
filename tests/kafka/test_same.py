"""Do both engines say the same of a trial from SDTM and of an invented one? The short form of `make same`."""

from pathlib import Path

from streams.kafka.connection import Connection
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.same import held, real
from tests.kafka.trials import spread, told
from tests.streams.importers import transport


def test_messages_through_nine_topics_give_the_findings_of_the_embedded_engine_and_of_replay(
    kafka: Connection, tmp_path: Path
) -> None:
    folder = transport.write(tmp_path / "sdtm", transport.small())
    from_sdtm = real(folder, transport.TRIAL, transport.protocol())
    assert len(from_sdtm.messages) > len(from_sdtm.records), "not every row is a fact"
    (name,) = spread(1, PARTITIONS)
    held(kafka, tmp_path, [from_sdtm, told(name, 400)])
