"""How does a worker end when something is wrong? At once: what it holds in memory may be ahead of what it said.

Faust's own way out commits first and waits for the broker, for as long as the broker is away. So the process leaves by
itself: on any error, when one piece of work takes too long, when Faust has crashed, when whoever started it is gone,
and when a stop in good order does not come to an end. Nothing is lost by that: what was not committed is done again.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import NoReturn

from aiokafka.errors import KafkaError

from streams.store import StoreError

FAILED = 70
"""The exit code of a worker that left because of an error: it is started again."""

REFUSED = 2
"""The exit code of a worker that will not work as things stand: to start it again would not help."""

LONGEST_WORK_SECONDS = 60.0
"""How long one run, or one piece of catching up, may take: a broker that is away is waited for so long."""

STOP_SECONDS = 10.0
"""How long a stop in good order may take; on a machine that is not overloaded it takes two or three."""

EVERY_SECONDS = 0.2

TELLS_NO_BODY = (KafkaError, LookupError, OSError, StoreError)
"""Errors whose text holds nothing of a message; of any other only its type and place are told."""


def say(line: str) -> None:
    """One line on standard error, past everything that buffers or redirects."""
    os.write(2, f"{line}\n".encode())


def leave(why: str, code: int = FAILED) -> NoReturn:
    """Ends the process now."""
    say(why)
    os._exit(code)


def told(error: BaseException) -> str:
    """An error without what a message said: its type, its place, and its text where that is known to be harmless."""
    text = f": {error}" if isinstance(error, TELLS_NO_BODY) else ""
    places = "".join(traceback.format_tb(error.__traceback__))
    cause = f"because of {told(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}{text}\n{places}{cause}"


class LeavesOnError:
    """Work inside which an error ends the process. Cancelled is an error too, unless we are stopping.

    Example: `with LeavesOnError("monitor", stopping): await receive(...)`
    """

    def __init__(self, who: str, stopping: Callable[[], bool]) -> None:
        self._who = who
        self._stopping = stopping

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        quiet = isinstance(error, GeneratorExit | SystemExit) or self._stopping()
        if error is not None and not quiet:
            leave(f"{self._who} leaves: {told(error)}")


@dataclass(slots=True, eq=False)
class _Work:
    """A piece of work, and that of which it is a piece."""

    at: str
    around: "_Work | None"
    until: float = 0.0
    """When it takes more than its time."""


_WORK: ContextVar[_Work | None] = ContextVar("work", default=None)
"""What the task at hand works at."""


class Watch(threading.Thread):
    """Looks on from a thread of its own, since an event loop that hangs cannot look at itself."""

    def __init__(
        self,
        who: str,
        crashed: Callable[[], bool] = lambda: False,
        looked: Callable[[], None] = lambda: None,
        *,
        longest: float = LONGEST_WORK_SECONDS,
        parent: int | None = None,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._who = who
        self._crashed = crashed
        self._looked = looked
        self._longest = longest
        self._parent = parent
        self._works: list[_Work] = []
        self._stop_by: float | None = None

    @contextmanager
    def working(self, at: str) -> Iterator[None]:
        """While this goes on, it must end, or `beat`, or do a piece of other work, before long."""
        work = _Work(at, _WORK.get())
        within = _WORK.set(work)
        self.beat()
        self._works.append(work)
        try:
            yield
        finally:
            self._works.remove(work)
            _WORK.reset(within)
            self.beat()

    def beat(self, longest: float | None = None) -> None:
        """The work in hand, and what it is a piece of, moves on; what comes next may take this long."""
        work, until = _WORK.get(), monotonic() + (longest or self._longest)
        while work is not None:
            work.until, work = until, work.around

    def late(self, now: float) -> list[str]:
        """What takes more than its time; the smallest piece first."""
        return [work.at for work in reversed(self._works) if now > work.until]

    def stopping(self) -> None:
        """From now on the process must come to an end."""
        self._stop_by = self._stop_by or monotonic() + STOP_SECONDS

    def run(self) -> None:
        """Looks, five times a second."""
        while True:
            threading.Event().wait(EVERY_SECONDS)
            now, stop_by = monotonic(), self._stop_by
            if stop_by is not None:
                if now > stop_by:
                    leave(
                        f"{self._who}: no end after {STOP_SECONDS:.0f} s of stopping; what is not committed stays owed"
                    )
                continue
            if self._crashed():
                leave(f"{self._who} leaves: Faust has crashed")
            for at in self.late(now):
                leave(f"{self._who} leaves: {at} takes more than its time{_where()}")
            if self._parent is not None and os.getppid() != self._parent:
                leave(f"{self._who} leaves: whoever started it is gone")
            self._looked()


def _where() -> str:
    """Where the main thread is."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001  the documented way
    return "\n" + "".join(traceback.format_stack(frame)) if frame else ""
