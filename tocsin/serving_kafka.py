"""How is a home on Kafka served? Messages go to the raw topics, pages read the boards' store, doors read the ledger.

The store is the ClickHouse server that the sink fills or, without one, a copy of our own, made in this process.
"""

import hashlib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from dashboards.live.app import create_app
from dashboards.live.ports import HomeDownError, Hop, Pipeline
from streams import handover, history, replay
from streams.admitting import Message
from streams.kafka import topics
from streams.kafka.connection import Connection
from streams.kafka.copying import OtherLedgerError, claim
from streams.kafka.following import Following
from streams.kafka.hops import Hops
from streams.kafka.posting import Door
from streams.ledger.kafka import KafkaLedger
from streams.store import BoardStore
from streams.store import chdb_store as in_process
from streams.store import clickhouse as on_server
from streams.store.server import Server as StoreServer
from tocsin.listening import Server, address_of, bound
from tocsin.serving import CACHE, STORE

WORDS = {
    "intake": "messages → ledger",
    "monitor": "ledger → findings",
    "alerts": "findings → people",
    "sink": "findings → store",
}
"""What each agent does, in the words of the pipeline page."""


class ServedKafka:
    """A home on Kafka as the live page asks for it."""

    packed = handover.MEDIA_TYPE

    def __init__(self, door: Door, ledger: KafkaLedger, following: Following, hops: Hops) -> None:
        self._hops = hops
        self._door = door
        self._ledger = ledger
        self._following = following

    def receive(self, messages: Sequence[tuple[bytes, str]]) -> Sequence[dict[str, Any]]:
        """Sends messages on; gives where each stands when all are acknowledged."""
        try:
            return self._door.post([Message(raw, address) for raw, address in messages])
        except KafkaError as error:
            raise HomeDownError(f"not acknowledged: {type(error).__name__}") from error

    def receive_packed(self, body: bytes) -> Sequence[dict[str, Any]]:  # noqa: ARG002
        """Nobody hands over to a home on Kafka: a command sends to it directly."""
        raise ValueError("a home on Kafka takes no hand-over: its commands send to the broker")

    def head(self, trial: str) -> int:
        """The last position of the ledger."""
        return self._following.head(trial)

    def pipeline(self, trial: str) -> Pipeline:
        """How far each agent has come; a copy of our own is no agent, and counted beside them."""
        steps = [Hop(WORDS[h.agent], h.agent, h.waiting, "record", h.held, h.stuck, h.works) for h in self._hops.hops]
        if self._hops.copies:
            steps.append(Hop(WORDS["sink"], "this server", self._following.waiting()))
        return Pipeline(tuple(steps), self._following.evaluated(trial), self._hops.failure)

    def findings(self, trial: str, as_of: int, happened_by: date | None, kind: str | None) -> Iterator[bytes]:
        """What stands, from the ledger."""
        return replay.findings(trial, self._ledger.facts(trial, until=as_of), happened_by=happened_by, kind=kind)

    def history(
        self, trial: str, as_of: int, record: str | None, participant: str | None, finding: str | None
    ) -> Iterator[bytes]:
        """Every revision and change, from the ledger."""
        about = history.About(record, participant, finding)
        facts = self._ledger.facts(trial, until=as_of)
        return history.history(trial, facts, about, lambda position: self._ledger.opened(trial, position))


def serve(
    connection: Connection, server: StoreServer | None, state: Path, port: int, ready: Callable[[str], None]
) -> None:
    """Serves a home until it is interrupted; `ready` hears the address. Port 0 takes any free one.

    Raises `KafkaError` or `StoreError` where the world is down, and `NoTopicsError` where the home is not made yet.
    """
    folder = state / f"live-{hashlib.sha256(str(connection).encode()).hexdigest()[:12]}"
    with ExitStack() as opened:
        listening = opened.enter_context(bound(port))
        origin = topics.identity(connection)
        store = _store(server, folder, origin)
        opened.callback(store.close)
        following = Following(connection, store, origin, copies=server is None)
        opened.callback(following.close)
        ledger = KafkaLedger(connection)
        opened.callback(ledger.close)
        door = Door(connection, f"{socket.gethostname()}-{listening.getsockname()[1]}")
        opened.callback(door.close)
        hops = Hops(connection, copies=server is None)
        opened.callback(hops.close)
        app = create_app(ServedKafka(door, ledger, following, hops), store, following, folder / CACHE)
        following.start()
        hops.start()
        serving = Server(app, lambda: ready(address_of(listening)))
        with serving.interruptible():
            serving.run(sockets=[listening])


def _store(server: StoreServer | None, folder: Path, origin: str) -> BoardStore:
    """The store, claimed for this ledger. A copy of our own that is of another one is made anew."""
    store: BoardStore = in_process.Store(folder / STORE) if server is None else on_server.Store(server)
    try:
        claim(store, origin)
    except OtherLedgerError:
        if server is not None:
            store.close()
            raise
        store.wipe()
    return store
