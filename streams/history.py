"""Ledger → who said what, when and why, and what followed: the readable history of a record, a participant, a finding.

The texts that stand in the ledger as commitments are opened where their key still exists; after a redaction the place
stays, and says so.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from clinical.monitor import step
from clinical.state import Trial
from schemas import AnyFact
from schemas.canonical import canonical, wire
from schemas.findings import Change, change_id, message
from streams.ledger.sealing import free_text, replace

REDACTED = "(redacted)"


@dataclass(frozen=True, slots=True)
class About:
    """What a history is of: one of the three, or everything."""

    record: str | None = None
    """A record, by its own name or as `source|record`."""
    participant: str | None = None
    finding: str | None = None
    """A finding, by its key or by the id of one of its changes."""


def history(
    trial: str,
    facts: Iterable[tuple[int, AnyFact]],
    about: About,
    opened: Callable[[int], dict[str, str] | None],
) -> Iterator[bytes]:
    """Every revision and every change, in order, as canonical lines: `what` is `fact` or `change`."""
    state = Trial(trial)
    told = list[tuple[int, AnyFact, tuple[Change, ...]]]()
    for position, fact in facts:
        state, changes = step(state, fact, position)
        told.append((position, fact, tuple(change for change in changes if _is_of(trial, change, about))))
    causes = {key for _, _, changes in told for change in changes for key in change.finding.causes}
    for position, fact, changes in told:
        if _concerns(fact, about, causes):
            yield canonical(_fact_line(position, fact, opened(position)))
        for change in changes:
            yield canonical({"what": "change", "position": position} | message(trial, change))


def _is_of(trial: str, change: Change, about: About) -> bool:
    finding = change.finding
    if about.finding is not None:
        return about.finding in (finding.key, change_id(trial, change.since, finding.key))
    if about.participant is not None:
        return finding.participant == about.participant
    if about.record is not None:
        return any(about.record in (key, key.partition("|")[2]) for key in finding.causes)
    return True


def _concerns(fact: AnyFact, about: About, causes: set[str]) -> bool:
    if about.finding is not None:
        return fact.key in causes
    if about.participant is not None:
        return fact.subject == about.participant
    if about.record is not None:
        return about.record in (fact.key, fact.record)
    return True


def _fact_line(position: int, fact: AnyFact, texts: dict[str, str] | None) -> dict[str, Any]:
    document = {"what": "fact", "position": position} | wire(fact)
    sealed = free_text(document, type(fact))
    replace(document, {path: (texts or {}).get(".".join(path), REDACTED) for path in sealed})
    return document
