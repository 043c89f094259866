"""Whose hands do facts pass into? Into the home itself, or, where it is being served, to the server over loopback."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from streams.handover import hand_over
from streams.holding import HomeBusyError
from streams.intake import Message, Unusable, outcome_line, system_clock
from streams.local import Home

BATCH = 2_000
"""Messages of one durable transaction."""


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing more comes; `error`: because the source failed."""

    error: OSError | None


def deliver(
    folder: Path, messages: Iterable[Message | Unusable], what: str, *, promptly: bool = False
) -> Iterator[dict[str, Any]]:
    """Delivers messages in order; gives each outcome as the doors print it.

    `promptly`: from a source that may pause, what has come is delivered without waiting for what may come.
    Whoever writes to a home lets its clock tick: what has fallen due in the meantime is found.
    Raises `HomeBusyError` where another writer holds the home and does not serve it.
    """
    batches = _as_they_come(messages) if promptly else _full(messages)
    try:
        home = Home(folder, what)
    except HomeBusyError as busy:
        if busy.holder.url is None:
            raise
        for batch in batches:
            yield from hand_over(busy.holder.url, batch)
        return
    with home:
        for batch in batches:
            yield from map(outcome_line, home.receive(batch))
        home.tick(system_clock())


def _full(messages: Iterable[Message | Unusable]) -> Iterator[list[Message | Unusable]]:
    waiting = iter(messages)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def _as_they_come(messages: Iterable[Message | Unusable]) -> Iterator[list[Message | Unusable]]:
    """What has come so far, read on a thread of its own: while one batch becomes durable the next one gathers."""
    come: Queue[Message | Unusable | _End] = Queue(2 * BATCH)
    Thread(target=_read, args=(messages, come), daemon=True).start()
    while True:
        batch: list[Message | Unusable] = []
        first = come.get()
        for one in (first, *(come.get_nowait() for _ in range(min(come.qsize(), BATCH - 1)))):
            if isinstance(one, _End):
                if batch:
                    yield batch
                if one.error is not None:
                    raise one.error
                return
            batch.append(one)
        yield batch


def _read(messages: Iterable[Message | Unusable], come: "Queue[Message | Unusable | _End]") -> None:
    error: OSError | None = None
    try:
        for message in messages:
            come.put(message)
    except OSError as failed:
        error = failed
    finally:
        come.put(_End(error))
