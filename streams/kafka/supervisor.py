"""Who starts a worker again? A process that does nothing else: one child for each agent, longer pauses if it fails.

A child is a fork of it, so that what all of them need is imported, and held in memory, once; and one that died works
again without seconds of importing. A child that will not work as things stand (wrong topics, no place for its metrics)
is not started again: the whole ends with its word. A child that dies of anything else is.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import NoReturn

from streams.kafka.leaving import FAILED, REFUSED, STOP_SECONDS, say, told

Work = Callable[[], None]
"""What a child does, to its end; SystemExit tells its exit code."""

PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a child is started again: the more often it died young, the longer."""

YOUNG_SECONDS = 60.0
EVERY_SECONDS = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class _Child:
    name: str
    work: Work
    pid: int | None = None
    started: float = 0.0
    deaths: int = 0
    """In a row, each of them young."""
    again: float = field(default_factory=monotonic)

    def start(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the child hears them as its own
        self.pid = os.fork() or _worked(self.work)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self.started = monotonic()

    def ended(self) -> int | None:
        """The exit code, once it has ended: told once; that of a signal is below zero."""
        if self.pid is None:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def died(self, code: int) -> None:
        self.deaths = self.deaths + 1 if monotonic() - self.started < YOUNG_SECONDS else 1
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1]
        self.again = monotonic() + pause
        say(f"{self.name} ended with {code}; started again in {pause:g} s")


def supervise(works: Mapping[str, Work]) -> int:
    """Keeps a child running for each piece of work, by name, until SIGTERM or SIGINT; gives the exit code of the whole.

    Whoever calls this has no thread and no connection: a child would have half of them.
    """
    told_to_stop: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _: told_to_stop.append(number))
    children = [_Child(name, work) for name, work in works.items()]
    code = 0
    while not (told_to_stop or code):
        for child in children:
            code = code or _looked_after(child)
        sleep(EVERY_SECONDS)
    _end(children)
    return code


def _looked_after(child: _Child) -> int:
    """Starts a child that is due; gives the word of one that refuses to work, else 0."""
    if child.pid is None:
        if monotonic() >= child.again:
            child.start()
        return 0
    code = child.ended()
    if code == REFUSED:
        return code
    if code is not None:
        child.died(code)
    return 0


def _end(children: Sequence[_Child]) -> None:
    until = monotonic() + STOP_SECONDS + 2
    for child in children:
        _send(child, signal.SIGTERM)
    while [child for child in children if child.pid is not None and child.ended() is None]:
        if monotonic() > until:
            for child in children:
                _send(child, signal.SIGKILL)
        sleep(EVERY_SECONDS / 10)


def _send(child: _Child, number: signal.Signals) -> None:
    if child.pid is not None:
        os.kill(child.pid, number)


def _worked(work: Work) -> NoReturn:
    """In the child: works, and ends the process whatever comes."""
    code = FAILED
    try:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FAILED
    except BaseException as error:  # noqa: BLE001  a child must not go on as its parent
        say(told(error))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
