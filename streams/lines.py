"""Where do messages come from? From NDJSON: a file, every file of a folder by name, or standard input, line by line."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from streams.admitting import Message

SUFFIXES = (".ndjson", ".jsonl")
"""Of the files of a folder that are read; others are none of ours."""


class NothingToReadError(OSError):
    """There is no such file, or the folder holds none; the message says which."""


def messages(name: str, stdin: BinaryIO) -> Iterator[Message]:
    """Every line that is not empty, with its file and number; `-` is standard input."""
    if name == "-":
        yield from _numbered("-", stdin)
        return
    for path in files_of(Path(name)):
        with path.open("rb") as file:
            yield from _numbered(path.name, file)


def files_of(path: Path) -> list[Path]:
    """The file, or those of a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not found:
        raise NothingToReadError(f"{path}: no file here that ends with {' or '.join(SUFFIXES)}")
    return found


@contextmanager
def rereadable(name: str, stdin: BinaryIO) -> Iterator[Callable[[], Iterator[Message]]]:
    """Gives the messages as often as they are asked for; standard input is kept in a file for it."""
    if name != "-":
        yield lambda: messages(name, stdin)
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(stdin, kept)

        def again() -> Iterator[Message]:
            kept.seek(0)
            return _numbered("-", kept)

        yield again


def _numbered(name: str, lines: Iterable[bytes]) -> Iterator[Message]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield Message(line.rstrip(b"\r\n"), f"{name}:{number}")
