"""Ledger → findings, again: what was said, from the ledger alone, for any past position and under any rule set.

A replay sends nothing: it has no port to send by. It runs the same `step` as the live monitor, so equal ledgers give
equal bytes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date

import yaml

from clinical.monitor import step
from clinical.protocol import read_protocol
from clinical.state import Trial
from schemas import AnyFact, ProtocolAdopted
from schemas.canonical import canonical
from schemas.facts.trial import Adoption
from schemas.findings import Change, message, written

Facts = Iterable[tuple[int, AnyFact]]


def changes(trial: str, facts: Facts) -> Iterator[Change]:
    """Every change, in order."""
    state = Trial(trial)
    for position, fact in facts:
        state, made = step(state, fact, position)
        yield from made


def replay(trial: str, facts: Facts) -> Iterator[bytes]:
    """Every change as its canonical bytes: exactly what was published live."""
    return written(trial, changes(trial, facts))


def standing(trial: str, facts: Facts) -> dict[str, Change]:
    """What stands after the facts: the last change of every finding that is not withdrawn, by key."""
    stands: dict[str, Change] = {}
    for change in changes(trial, facts):
        if change.state == "withdrawn":
            stands.pop(change.finding.key, None)
        else:
            stands[change.finding.key] = change
    return stands


def findings(trial: str, facts: Facts, kind: str | None = None, happened_by: date | None = None) -> Iterator[bytes]:
    """What stands, as canonical bytes, by key. `happened_by` looks only at facts that had happened by that day."""
    looked_at = ((position, fact) for position, fact in facts if happened_by is None or had_happened(fact, happened_by))
    for _, change in sorted(standing(trial, looked_at).items()):
        if kind is None or change.finding.kind == kind:
            yield canonical(message(trial, change))


def had_happened(fact: AnyFact, day: date) -> bool:
    """Whether a fact speaks of something that had happened by the end of a day. A protocol is always in force."""
    return isinstance(fact, ProtocolAdopted) or fact.time.date() <= day


def under(facts: Facts, protocol: str | None, ctcae: str | None) -> Iterator[tuple[int, AnyFact]]:
    """The same facts as if another protocol, or another version of CTCAE, had been in force from the start."""
    for position, fact in facts:
        if isinstance(fact, ProtocolAdopted):
            file = protocol or fact.data.protocol
            if ctcae is not None:
                file = _with_ctcae(file, ctcae)
            adoption = Adoption(protocol=file, digest=hashlib.sha256(file.encode()).hexdigest(), clock=fact.data.clock)
            yield position, fact.model_copy(update={"data": adoption})
        else:
            yield position, fact


def _with_ctcae(file: str, ctcae: str) -> str:
    """The protocol file with another version of CTCAE, however the value was written; all else to the letter."""
    read_protocol(file)
    document = yaml.compose(file, Loader=yaml.SafeLoader)
    assert isinstance(document, yaml.MappingNode)
    value = next(value for name, value in document.value if name.value == "ctcae")
    begin, end = value.start_mark.index, value.end_mark.index
    kept = "\n" if "\n" in file[begin:end] else ""
    changed = f'{file[:begin]}"{ctcae}"{kept}{file[end:]}'
    read_protocol(changed)
    return changed
