"""What does a board need of a fact, a finding, a message in quarantine? One row each, the same in both engines.

A row is a function of what the ledger holds, so writing it twice does no harm, and a store made again is the same.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from schemas import AnyFact
from schemas.canonical import canonical
from schemas.findings import Change, message
from schemas.values import FREE_TEXT
from streams.batch import QuarantinedMessage, StoredFact
from streams.store import Row

EARLIEST_COLUMN_INSTANT = datetime(1900, 1, 1, tzinfo=UTC)
"""What DateTime64 can hold."""


def fact_row(stored: StoredFact) -> Row:
    """A fact as a row: what boards count by, and its data without free text."""
    fact = stored.fact
    return {
        "trial": stored.trial,
        "position": stored.position,
        "recorded": stored.recorded,
        "occurred": max(fact.time, EARLIEST_COLUMN_INSTANT),
        "type": fact.type,
        "fact": type(fact).__name__,
        "family": fact.family,
        "source": fact.source,
        "record": fact.record,
        "revision": fact.revision,
        "participant": fact.subject or "",
        "data": data_without_free_text(fact).decode(),
    }


def data_without_free_text(fact: AnyFact) -> bytes:
    """The canonical data of a fact. What may name a person stays in the ledger, where it can be redacted."""
    return canonical(fact.data.model_dump(mode="json", exclude_none=True, exclude=_free_text(type(fact.data))))


def change_row(trial: str, change: Change) -> Row:
    """A change of a finding as a row."""
    document = message(trial, change)
    return finding_row(document, canonical(document))


def finding_row(document: Mapping[str, Any], body: bytes) -> Row:
    """A finding as a row, from the message that was published."""
    return {
        "trial": document["trial"],
        "kind": document["kind"],
        "key": document["key"],
        "valid_from": document["since"],
        "state": document["state"],
        "rule": document["rule"],
        "version": document["version"],
        "participant": document.get("participant", ""),
        "scope": document.get("scope", ""),
        "term": document.get("term", ""),
        "basis": document.get("basis", ""),
        "happened": document.get("on") or "",
        "grade": document.get("grade"),
        "low": document.get("low"),
        "high": document.get("high"),
        "causes": document["causes"],
        "sentence": document["sentence"],
        "body": body.decode(),
    }


def quarantine_row(quarantined: QuarantinedMessage) -> Row:
    """A message in quarantine as a row: where it came from and what is wrong, never what it says."""
    return {
        "number": quarantined.number,
        "received": quarantined.received,
        "address": quarantined.address,
        "path": quarantined.path,
        "message": quarantined.message,
        "digest": quarantined.digest,
        "trial": quarantined.trial or "",
        "source": quarantined.source or "",
    }


@cache
def _free_text(model: type[BaseModel]) -> set[str]:
    """The fields of a fact's data that may name a person."""
    return {name for name, field in model.model_fields.items() if _is_marked((*field.metadata, field.annotation))}


def _is_marked(parts: Iterable[object]) -> bool:
    return any(
        (isinstance(part, str) and part == FREE_TEXT)
        or _is_marked(getattr(part, "__metadata__", ()))
        or _is_marked(get_args(part))
        for part in parts
    )
