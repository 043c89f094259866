"""Who may write to a home? One process at a time, held by a lock that ends with the process, however it ends."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK = "home.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a home."""

    pid: int | None
    what: str
    """What it is, such as `tocsin serve`."""
    url: str | None = None
    """Where it takes facts, if it is served."""

    def __str__(self) -> str:
        return self.what + (f" at {self.url}" if self.url else "") + (f" (process {self.pid})" if self.pid else "")


class HomeBusyError(RuntimeError):
    """Another process holds the home."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.holder = holder
        super().__init__(f"{folder}: held by {holder}")


class Hold:
    """The lock on a home, held until `release` or the end of the process."""

    def __init__(self, folder: Path, what: str, lock: str = LOCK) -> None:
        self._path = folder / lock
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise HomeBusyError(folder, holder_of(folder, lock)) from None
        self._holder = Holder(os.getpid(), what)
        self._write()

    def served_at(self, url: str) -> None:
        """Says where the home is served, so that others hand their facts over there."""
        self._holder = Holder(os.getpid(), self._holder.what, url)
        self._write()

    def release(self) -> None:
        """Lets go of the home."""
        os.ftruncate(self._file, 0)
        os.close(self._file)

    def _write(self) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(asdict(self._holder)).encode(), 0)


def holder_of(folder: Path, lock: str = LOCK) -> Holder:
    """Who says to hold a home. Only to be believed while the lock is held; it may be about to say so."""
    try:
        return Holder(**json.loads((folder / lock).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return Holder(None, "another process")
