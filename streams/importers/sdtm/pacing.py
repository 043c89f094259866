"""When would each fact have been known? A history told as if it were live: nothing before its time, ticks between.

A file has what was known at the end. What names its own end (an adverse event, a course of doses) is therefore told
when it was known to have begun, without its end and what follows from that, and again, as a revision, when it ended.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from schemas.canonical import canonical
from streams.admitting import tick
from streams.importers.sdtm.messages import Message, Told

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SILENCE = timedelta(days=30)
"""Where nothing is told for so long the clock ticks once a day: a year written wrongly is not a million ticks."""

AT_THE_END = ("end", "ended", "outcome")
"""What a record can only say when the thing it speaks of is over."""
ONLY_OF_DEATH = (("grade", 5), ("severity", "fatal"))
ENDED = "the source says when it ended"
TICK = "tick"


@dataclass(frozen=True, slots=True)
class Watch:
    """What says how much time has passed here, and what waits."""

    seconds: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep


WATCH = Watch()


def as_known(messages: Iterable[Message]) -> Iterator[Message]:
    """Each message at the moment at which it was known; twice, where its end was known later than itself."""
    for message in messages:
        if message.over is None or message.over <= message.known:
            yield replace(message, at=message.known)
            continue
        whole = orjson.loads(message.raw)
        again = whole | {"id": f"{whole['id']}#2", "revision": 2, "reason": ENDED}
        yield replace(message, raw=canonical(whole | {"data": _begun(whole["data"])}), at=message.known)
        yield replace(message, raw=canonical(again), at=message.over, rows=(), repeated=0, revised=True)


def with_ticks(messages: Iterable[Message], trial: str, start: datetime, until: datetime) -> Iterator[Message]:
    """The messages, in their order, each after the tick that shows its moment. After `until` nothing ticks."""
    clock = start
    for message in messages:
        while clock < message.at and clock < until:
            clock += HOUR if message.at - clock <= SILENCE else DAY
            yield Message(tick(trial, clock).raw, TICK, clock, clock, clock)
        yield message


def paced(told: Iterable[Told], days_per_second: float, watch: Watch = WATCH) -> Iterator[Told]:
    """The same, each tick of the trial's clock no sooner than it is due at so many days of the trial in a second."""
    began, start = watch.seconds(), None
    for item in told:
        if isinstance(item, Message) and item.address == TICK:
            start = start or item.at
            ahead = (item.at - start) / DAY / days_per_second - (watch.seconds() - began)
            if ahead > 0:
                watch.wait(ahead)
        yield item


def _begun(data: dict[str, Any]) -> dict[str, Any]:
    """The same while it went on: nobody knew then that it would be fatal."""
    begun = {name: said for name, said in data.items() if name not in AT_THE_END}
    if (criteria := data.get("criteria")) and "death" in criteria:
        begun["criteria"] = [one for one in criteria if one != "death"]
        if not begun["criteria"]:
            begun.pop("serious", None)
    return {name: said for name, said in begun.items() if (name, said) not in ONLY_OF_DEATH}
