"""Which tables does the store have? Those of the numbered SQL files, applied in order, each once.

The store is a copy, so a file that was changed after it was applied needs no clever step: the store is made again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from streams.store import TABLES, Row


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of SQL statements."""

    name: str
    statements: tuple[str, ...]
    digest: str


class Engine(Protocol):
    """What runs SQL: a session, a connection."""

    def command(self, sql: str) -> None:
        """Runs a statement that answers nothing."""

    def query(self, sql: str) -> list[Row]:
        """The rows of a SELECT."""


class OtherSchemaError(RuntimeError):
    """The tables were made by other SQL files than those that come with this code."""


def shipped() -> tuple[Migration, ...]:
    """The migrations that come with the code, in order of their numbers."""
    folder = files("streams.store") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(read(name, (folder / name).read_text(encoding="utf-8")) for name in names)


def read(name: str, text: str) -> Migration:
    """A file of statements, each ending with a semicolon at the end of a line."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    statements = tuple(statement.strip() for statement in f"{code}\n".split(";\n") if statement.strip())
    return Migration(name, statements, hashlib.sha256(text.encode()).hexdigest())


def migrate(engine: Engine, migrations: Sequence[Migration]) -> None:
    """Applies what is not applied yet. Raises OtherSchemaError where what was applied is not what comes with the code.

    Statements can be repeated (`IF NOT EXISTS`): two who start at once may apply the same file.
    """
    engine.command(
        "CREATE TABLE IF NOT EXISTS migrations (name String, digest String) ENGINE = ReplacingMergeTree ORDER BY name"
    )
    applied = [(row["name"], row["digest"]) for row in engine.query("SELECT DISTINCT name, digest FROM migrations")]
    known = [(step.name, step.digest) for step in migrations[: len(applied)]]
    if sorted(applied) != known:
        other = sorted({name for name, _ in {*applied} - {*known}}) or [name for name, _ in known]
        raise OtherSchemaError(f"the store's tables were made by another version of {', '.join(other)}")
    for step in migrations[len(applied) :]:
        for statement in step.statements:
            engine.command(statement)
        engine.command(f"INSERT INTO migrations SELECT '{step.name}', '{step.digest}'")


def forget(engine: Engine) -> None:
    """Drops every table: the store is a copy."""
    for table in (*TABLES, "migrations"):
        engine.command(f"DROP TABLE IF EXISTS {table}")
