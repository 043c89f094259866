"""Who starts a worker again? A process that does nothing else: one child for each agent, longer pauses if it fails.

A child that will not work as things stand (wrong topics, no place for its metrics) is not started again: the whole
ends with its word. A child that dies of anything else is.
"""

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from streams.kafka.leaving import REFUSED, STOP_SECONDS, say

PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a child is started again: the more often it died young, the longer."""

YOUNG_SECONDS = 60.0
EVERY_SECONDS = 0.1


@dataclass(slots=True)
class _Child:
    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    deaths: int = 0
    """In a row, each of them young."""
    again: float = field(default_factory=monotonic)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        self.started = monotonic()

    def died(self, code: int) -> None:
        self.deaths = self.deaths + 1 if monotonic() - self.started < YOUNG_SECONDS else 1
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1]
        self.process, self.again = None, monotonic() + pause
        say(f"{self.name} ended with {code}; started again in {pause:g} s")


def supervise(commands: dict[str, Sequence[str]]) -> int:
    """Keeps a child running for each command, by name, until SIGTERM or SIGINT; gives the exit code of the whole."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    children = [_Child(name, command) for name, command in commands.items()]
    code = 0
    while not stop.wait(EVERY_SECONDS) and not code:
        for child in children:
            code = code or _looked_after(child)
    _end(children)
    return code


def _looked_after(child: _Child) -> int:
    """Starts a child that is due; gives the word of one that refuses to work, else 0."""
    if child.process is None:
        if monotonic() >= child.again:
            child.start()
        return 0
    code = child.process.poll()
    if code == REFUSED:
        return code
    if code is not None:
        child.died(code)
    return 0


def _end(children: Sequence[_Child]) -> None:
    running = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(STOP_SECONDS + 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
