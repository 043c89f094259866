"""Which tables does the store have? Those of the numbered SQL files, applied in order, each once.

The store is a copy, so a file that was changed after it was applied needs no clever step: the store is made again.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of SQL statements."""

    name: str
    statements: tuple[str, ...]
    digest: str


def shipped() -> tuple[Migration, ...]:
    """The migrations that come with the code, in order of their numbers."""
    folder = files("streams.store") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(_read(name, (folder / name).read_text(encoding="utf-8")) for name in names)


def _read(name: str, text: str) -> Migration:
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    statements = tuple(statement.strip() for statement in code.split(";\n") if statement.strip(" \n;"))
    return Migration(name, tuple(statement.rstrip(";") for statement in statements), _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
