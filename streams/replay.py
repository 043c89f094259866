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
from schemas.findings import Change, GradeFinding, message, written

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


def differences(trial: str, one: dict[str, Change], other: dict[str, Change]) -> Iterator[bytes]:
    """What stands under one rule set and differs under the other, by key: for whom, since when, and the sentence."""
    for key in sorted(one.keys() | other.keys()):
        now, then = one.get(key), other.get(key)
        if now is not None and then is not None and _alike(now, then):
            continue
        finding = (now or then).finding  # type: ignore[union-attr]
        document: dict[str, object] = {"key": key, "kind": finding.kind, "trial": trial}
        if finding.participant is not None:
            document["participant"] = finding.participant
        for name, change in (("in_force", now), ("instead", then)):
            document[name] = message(trial, change) if change is not None else None
        yield canonical(document)


def _alike(one: Change, other: Change) -> bool:
    """Equal but for the version that concluded it."""
    if isinstance(one.finding, GradeFinding) and isinstance(other.finding, GradeFinding):
        a, b = one.finding, other.finding
        return (a.grade, a.low, a.high, a.missing) == (b.grade, b.low, b.high, b.missing)
    first, second = message("", one), message("", other)
    for name in ("version", "sentence", "since", "id", "state"):
        first.pop(name), second.pop(name)
    return first == second


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
