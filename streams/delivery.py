"""Whose hands do facts pass into? Into the home itself, or, where it is being served, to the server over loopback."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from streams.handover import hand_over
from streams.holding import HomeBusyError
from streams.intake import Message, Unusable, outcome_line, system_clock
from streams.local import Home

BATCH = 2_000
"""Messages of one durable transaction."""


def deliver(folder: Path, messages: Iterable[Message | Unusable], what: str) -> Iterator[dict[str, Any]]:
    """Delivers messages in order; gives each outcome as the doors print it.

    Whoever writes to a home lets its clock tick: what has fallen due in the meantime is found.
    Raises `HomeBusyError` where another writer holds the home and does not serve it.
    """
    try:
        home = Home(folder, what)
    except HomeBusyError as busy:
        if busy.holder.url is None:
            raise
        yield from hand_over(busy.holder.url, messages)
        return
    with home:
        waiting = iter(messages)
        while batch := list(islice(waiting, BATCH)):
            yield from map(outcome_line, home.receive(batch))
        home.tick(system_clock())
