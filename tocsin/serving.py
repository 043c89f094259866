"""How is a home served? One process holds it: intake over loopback, the sink, the store, the live page."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dashboards.live.app import create_app
from dashboards.live.ports import Hop, Pipeline
from streams import handover, history, replay
from streams.handover import unpacked
from streams.intake import Message, outcome_line
from streams.local import Home
from streams.sink import Sink
from streams.store.chdb_store import Store
from tocsin.listening import Server, address_of, bound

STORE, CACHE = "boards", "cache"
TICK_SECONDS = 20.0
"""How often we look whether an hour is full."""

Background = Callable[[Home, threading.Event], None]
"""What runs beside the server, until the event is set: a simulated trial, for one."""


class ServedHome:
    """A home as the live page asks for it."""

    packed = handover.MEDIA_TYPE

    def __init__(self, home: Home, stored: Callable[[str], int]) -> None:
        self._home = home
        self._stored = stored

    def receive(self, messages: Sequence[tuple[bytes, str]]) -> Sequence[dict[str, Any]]:
        """Takes messages in one durable step."""
        return [outcome_line(one) for one in self._home.receive([Message(raw, address) for raw, address in messages])]

    def receive_packed(self, body: bytes) -> Sequence[dict[str, Any]]:
        """Takes messages that a command handed over."""
        return [outcome_line(one) for one in self._home.receive(unpacked(body))]

    def head(self, trial: str) -> int:
        """The last position of the ledger."""
        return self._home.ledger.head(trial)

    def pipeline(self, trial: str) -> Pipeline:
        """How far each step has come. In one process a message is in the ledger, and evaluated, before its answer."""
        ledger = self._home.ledger
        trials = ledger.trials()
        heads, published = {t: ledger.head(t) for t in trials}, {t: ledger.published_up_to(t) for t in trials}
        behind = sum(heads[t] - published[t] for t in trials)
        stored = sum(max(0, published[t] - self._stored(t)) for t in trials)
        return Pipeline(
            (Hop("ledger → findings", "monitor", behind, "fact"), Hop("findings → store", "sink", stored, "fact")),
            published.get(trial, 0),
        )

    def findings(self, trial: str, as_of: int, happened_by: date | None, kind: str | None) -> Iterator[bytes]:
        """What stands, from the ledger."""
        return replay.findings(trial, self._home.ledger.facts(trial, until=as_of), kind, happened_by)

    def history(
        self, trial: str, as_of: int, record: str | None, participant: str | None, finding: str | None
    ) -> Iterator[bytes]:
        """Every revision and change, from the ledger."""
        ledger = self._home.ledger
        about = history.About(record, participant, finding)
        return history.history(
            trial, ledger.facts(trial, until=as_of), about, lambda position: ledger.opened(trial, position)
        )


def serve(
    folder: Path,
    port: int,
    *,
    what: str = "tocsin serve",
    background: Sequence[Background] = (),
    ready: Callable[[str], None] = print,
) -> None:
    """Serves a home until it is interrupted; `ready` hears the address. Port 0 takes any free one."""
    with ExitStack() as opened:
        listening = opened.enter_context(bound(port))
        home = opened.enter_context(Home(folder, what))
        store = Store(folder / STORE)
        opened.callback(store.close)
        sink = Sink(store)
        sink.catch_up(home.ledger)
        home.listen(sink.put)
        sink.start()
        opened.callback(sink.close)
        url = address_of(listening)
        server = Server(
            create_app(ServedHome(home, sink.stored), store, sink, folder / CACHE), lambda: _is_ready(home, url, ready)
        )
        with server.interruptible(), _beside(home, [_ticking, *background]):
            server.run(sockets=[listening])


def _is_ready(home: Home, url: str, ready: Callable[[str], None]) -> None:
    home.served_at(url)
    ready(url)


@contextmanager
def _beside(home: Home, running: Sequence[Background]) -> Iterator[None]:
    """Runs each on a thread of its own, as long as the server runs."""
    ending = threading.Event()
    threads = [threading.Thread(target=one, args=(home, ending), name="beside") for one in running]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _ticking(home: Home, ending: threading.Event) -> None:
    """Lets the hour strike, in trials that the system's clock stamps."""
    while not ending.wait(TICK_SECONDS):
        home.tick(datetime.now(UTC))
