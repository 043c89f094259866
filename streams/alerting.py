"""How do people hear of a finding? Through a channel, which sends each alert once; here one that writes to a file.

The file is its own memory: what stands in it was sent. Every line is on the disk before `send` returns; any number of
processes may share one file.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson

from schemas.canonical import canonical

TOLD = ("id", "trial", "kind", "state", "key", "participant", "scope", "sentence", "since")
"""What an alert says of a finding; what it is not about is absent. A sentence names rules, numbers and coded names."""


def alert(body: bytes, who: Sequence[str]) -> dict[str, Any]:
    """What is told of a published finding, and to whom."""
    finding = orjson.loads(body)
    return {name: finding[name] for name in TOLD if name in finding} | {"who": list(who)}


class Channel(Protocol):
    """A way to people."""

    def send(self, alerts: Iterable[dict[str, Any]]) -> int:
        """Sends what was not sent yet, in order; gives how many. When it returns, they are sent for good."""


class AlertFile:
    """Writes what would be sent, one JSON object a line, to a file that only grows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)  # else a new file itself may be gone after a power cut
        os.close(folder)
        self._read = 0
        self._sent: set[bytes] = set()

    def send(self, alerts: Iterable[dict[str, Any]]) -> int:
        """Appends those that do not stand there."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._read_on()
            new = [one for one in alerts if not self._knows(one)]
            if new:
                self._append(b"".join(canonical(one) + b"\n" for one in new))
            return len(new)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)

    def _knows(self, one: dict[str, Any]) -> bool:
        """Whether it was sent, counting those earlier in the same call."""
        name = bytes.fromhex(one["id"])
        known = name in self._sent
        self._sent.add(name)
        return known

    def _append(self, lines: bytes) -> None:
        written = 0
        while written < len(lines):
            written += os.write(self._file, lines[written:])
        os.fsync(self._file)
        self._read += len(lines)

    def _read_on(self) -> None:
        """Takes up what others wrote. A last line without its end was cut off by a crash: it was never sent."""
        end = os.fstat(self._file).st_size
        rest = os.pread(self._file, end - self._read, self._read)
        whole = rest.rfind(b"\n") + 1
        if whole < len(rest):
            os.ftruncate(self._file, self._read + whole)
        for line in rest[:whole].splitlines():
            self._sent.add(bytes.fromhex(orjson.loads(line)["id"]))
        self._read += whole
