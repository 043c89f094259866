"""How does a worker know again in seconds what took minutes to fold? From a file of its own, which it may lose.

A snapshot is a shortcut and never a source. It carries the ledger it was folded from, how far, the code that folded it
and a digest of its own bytes; where one of them is not ours, it is not used and the ledger is folded from its start.
It is written by a copy of the process (fork), between runs, so that the worker goes on meanwhile: at most a tenth of
the time goes into it, and while it is written the memory of the process may be needed twice.

The file is a pickle: whoever can write to the state folder can run code as the worker. It is made readable and writable
for its own user only, and is trusted like the program itself. No secret key stands in it.
"""

import asyncio
import gc
import hashlib
import os
import pickle
import platform
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import orjson

from streams.kafka.code import MEANING, code_version
from streams.kafka.leaving import LeavesOnError, say
from streams.kafka.measures import Measures

PAUSE = 10
"""How many times as long as the last one took must pass before the next one."""

HEADER_BYTES = 1024

FOLDERS = (*MEANING, "streams.kafka", "streams.agents")
"""The code that makes what is pickled."""

PICKLED = tuple(f"{package} {version(package)}" for package in ("immutables", "pydantic", "pydantic-core"))


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot is of."""

    origin: str
    """The broker's own name of the ledger."""
    partition: int
    next: int
    """The offset of the first record that is not in it."""
    code: str
    digest: str = ""
    """Of everything after the header."""

    def of_one(self, other: "Header") -> bool:
        """Whether both are of one ledger and by one code."""
        return (self.origin, self.partition, self.code) == (other.origin, other.partition, other.code)


class Snapshots:
    """The snapshots of one worker, one for each partition, in a folder of its own."""

    def __init__(self, folder: Path, origin: str, measures: Measures, least: int) -> None:
        self._folder = folder
        self._origin = origin
        self._measures = measures
        self._least = least
        self._code = "/".join((code_version(FOLDERS), platform.python_version(), *PICKLED))
        self._taken: dict[int, int] = {}
        self._writing: tuple[int, int, float] | None = None
        """The process that writes, of which partition, since when."""
        self._not_before = 0.0

    def offer(self, partition: int, following: int, pieces: Callable[[], Iterable[object]]) -> None:
        """Begins to write a snapshot of what is folded up to `following`, if it is time. Called between runs."""
        self._look()
        due = following - self._taken.get(partition, 0) >= self._least and monotonic() >= self._not_before
        if self._writing is None and due:
            header = Header(self._origin, partition, following, self._code)
            self._taken[partition] = following
            self._writing = (self._forked(header, pieces), partition, monotonic())

    async def load(self, partition: int, until: int) -> AsyncIterator[object]:
        """The pieces of a snapshot that goes no further than `until`; nothing where there is none that can be used."""
        path, wanted = self._path(partition), Header(self._origin, partition, 0, self._code)
        header = await asyncio.to_thread(usable, path, wanted)
        if header is None or header.next > until:
            return
        self._taken[partition] = header.next
        begin = monotonic()
        with path.open("rb") as file:
            for piece in _unpickled(file):
                yield piece
                await asyncio.sleep(0)  # others have their turn: the whole may take seconds
        self._measures.stands("tocsin_snapshot_loaded_seconds", str(partition), monotonic() - begin)

    def _path(self, partition: int) -> Path:
        return self._folder / f"{partition}.snapshot"

    def _forked(self, header: Header, pieces: Callable[[], Iterable[object]]) -> int:
        """A copy of this process writes what it remembers, and ends. It touches no connection and no lock of ours."""
        gc.freeze()
        child = os.fork()
        if child:
            return child
        with LeavesOnError("a snapshot that is being written", lambda: False):
            gc.disable()
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            os.nice(10)
            write(self._path(header.partition), header, pieces())
        os._exit(0)

    def _look(self) -> None:
        """Sees whether the one that is being written is done."""
        if self._writing is None:
            return
        child, partition, begin = self._writing
        ended, status = os.waitpid(child, os.WNOHANG)
        if not ended:
            return
        took = monotonic() - begin
        self._writing, self._not_before = None, monotonic() + PAUSE * took
        self._measures.stands("tocsin_snapshot_seconds", str(partition), took)
        if status:
            self._taken.pop(partition, None)
            say(f"no snapshot of partition {partition} could be written ({status}); it goes on without")


def write(path: Path, header: Header, pieces: Iterable[object]) -> None:
    """Writes a snapshot in the place of the one before, which stays until this one is whole and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    being_written = path.with_suffix(".part")
    being_written.touch(mode=0o600)
    with being_written.open("wb") as file:
        file.write(b" " * HEADER_BYTES)
        hashing = _Hashing(file)
        pickler = pickle.Pickler(hashing, pickle.HIGHEST_PROTOCOL)
        for piece in pieces:
            pickler.dump(piece)
        file.seek(0)
        said = asdict(header) | {"digest": hashing.digest.hexdigest()}
        file.write(orjson.dumps(said).ljust(HEADER_BYTES - 1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    being_written.replace(path)


def read_back(path: Path) -> tuple[Header, list[object]]:
    """A snapshot as it stands, of whatever ledger and code."""
    with path.open("rb") as file:
        header = Header(**orjson.loads(file.read(HEADER_BYTES)))
        return header, list(_unpickled(file))


def usable(path: Path, wanted: Header) -> Header | None:
    """The header of a snapshot, if it is whole, of the wanted ledger, and by the wanted code."""
    try:
        with path.open("rb") as file:
            header = Header(**orjson.loads(file.read(HEADER_BYTES)))
            if not header.of_one(wanted):
                return None
            whole = hashlib.file_digest(file, hashlib.blake2b).hexdigest() == header.digest
    except (OSError, ValueError, TypeError):
        return None
    return header if whole else None


def _unpickled(file: BinaryIO) -> Iterator[object]:
    """Piece by piece. Collecting garbage meanwhile would look at millions of new objects again and again."""
    file.seek(HEADER_BYTES)
    unpickler = pickle.Unpickler(file)
    gc.disable()
    try:
        while file.peek(1):  # type: ignore[attr-defined]
            yield unpickler.load()
    finally:
        gc.freeze()
        gc.enable()


class _Hashing:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.blake2b()

    def write(self, bytes_: bytes) -> int:
        """Writes on."""
        self.digest.update(bytes_)
        return self._file.write(bytes_)
