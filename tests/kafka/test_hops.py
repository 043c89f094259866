"""Is it seen from outside how far each agent has come, what waits for others, and who stands still?"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.admitting import Message
from streams.app import AGENTS
from streams.kafka.connection import Connection
from streams.kafka.hops import READS, Hop, Hops, Progress
from streams.kafka.log import Log
from streams.kafka.measures import STUCK_SECONDS
from streams.kafka.posting import Door
from streams.kafka.records import partition_of
from streams.kafka.sending import Lane
from streams.kafka.writer import Writer
from tests.builders import TRIAL, adopted, as_bytes, dose, enrolled, lab
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.waiting import eventually
from tests.kafka.working import Working

PARTITION = partition_of(TRIAL, PARTITIONS)
TOLD = [adopted(), enrolled(), dose(), lab()]


class Looking:
    """Looks at chosen moments."""

    def __init__(self, connection: Connection) -> None:
        self._hops = Hops(connection)
        self._admin = KafkaAdminClient(**connection.kafka_python())
        self._log = Log(connection)

    def look(self, now: float = 0.0) -> dict[str, Hop]:
        def asked() -> tuple[Hop, ...]:
            try:
                return self._hops.look(self._admin, self._log, now)
            except KafkaError:  # a broker that has just started has no groups yet
                return ()

        return {hop.agent: hop for hop in eventually(asked, bool)}

    def close(self) -> None:
        self._admin.close()
        self._log.close()


@pytest.fixture
def looking(kafka: Connection) -> Iterator[Looking]:
    with closing(Looking(kafka)) as opened:
        yield opened


def test_a_hop_is_looked_at_for_every_agent_in_what_it_reads() -> None:
    assert {name: set(topics) for name, topics in READS.items()} == {
        name: set(agent.reads) for name, agent in AGENTS.items()
    }


def test_messages_that_nobody_takes_wait_and_after_a_while_stand_still(
    kafka: Connection, looking: Looking, tmp_path: Path
) -> None:
    with closing(Door(kafka, "tests")) as door:
        door.post([Message(as_bytes(one), f"told:{n}") for n, one in enumerate(TOLD)])
    first = looking.look(0.0)
    assert (first["intake"].waiting, first["intake"].works, first["intake"].stuck) == (len(TOLD), False, ())
    assert looking.look(STUCK_SECONDS)["intake"].stuck == ()
    still = looking.look(STUCK_SECONDS + 1)
    families = ("dosing", "labs", "participants", "trial")
    assert still["intake"].stuck == tuple(f"tocsin.raw.{family}[{PARTITION}]" for family in families)
    assert {agent for agent, hop in still.items() if hop.stuck} == {"intake"}
    with Working("intake", kafka, tmp_path):
        done = eventually(lambda: looking.look(STUCK_SECONDS + 2), lambda hops: hops["intake"].waiting == 0)
    assert (done["intake"].stuck, done["intake"].works, done["intake"].held) == ((), True, 0)
    assert done["monitor"].waiting >= len(TOLD)  # the clock may have ticked
    assert looking.look(2 * STUCK_SECONDS + 9)["monitor"].stuck == (f"tocsin.ledger[{PARTITION}]",)


def test_what_waits_for_a_message_that_never_came_is_held_back_and_counted(kafka: Connection, looking: Looking) -> None:
    """A sender was cut off in the middle of a window of four."""
    messages = [Message(as_bytes(one), f"told:{n}") for n, one in enumerate(TOLD)]
    lane = Lane("cut off", PARTITION)
    with Writer(kafka) as writer:
        writer.send([record for _, record in lane.next_window(messages)][1:])
    hop = looking.look()["intake"]
    assert (hop.waiting, hop.held) == (3, 3)


def test_a_mark_that_moves_or_has_nothing_before_it_is_no_alarm() -> None:
    progress = Progress()
    for now, mark, end, since in [(0, 5, 9, 0), (10, 5, 12, 0), (20, 6, 12, 20), (90, 12, 12, 90), (95, 12, 13, 90)]:
        progress.looked(mark, end, now)
        assert progress.since == since
