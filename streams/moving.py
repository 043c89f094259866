"""One home → another: a trial with all that was said, refused and redacted, and the proof that it is the same.

A move that was cut off is repeated: what stands in the target is compared and recognised, the rest follows. A target
that says anything else at a position is refused before anything is written to it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from streams.ledger.carrying import Carrier, SealedRefusal

CHUNK = 1_000
"""Facts of one durable step."""

T = TypeVar("T")


class OtherFactsError(ValueError):
    """The target has other facts of the trial than the source."""

    def __init__(self, trial: str, position: int) -> None:
        super().__init__(f"{trial}: the target has another fact at position {position}; nothing was moved")


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did to a trial, and what both sides say now."""

    trial: str
    facts: int
    """Moved now: without those that stood in the target already."""
    quarantined: int
    source: tuple[int, str]
    """The last position, and the digest of all canonical bytes up to it."""
    target: tuple[int, str]

    @property
    def equal(self) -> bool:
        """Whether both homes hold the same facts at the same positions."""
        return self.source == self.target


def moved_line(moved: Moved) -> dict[str, Any]:
    """A move as the door prints it."""
    sides = {"from": moved.source, "to": moved.target}
    told = {side: {"positions": last, "digest": digest} for side, (last, digest) in sides.items()}
    return (
        {"trial": moved.trial, "facts": moved.facts, "quarantined": moved.quarantined} | told | {"equal": moved.equal}
    )


def move(source: Carrier, target: Carrier, trial: str) -> Moved:
    """Carries a trial over and compares. Raises OtherFactsError where the target must not be touched."""
    stands = target.head(trial)
    _refuse_others(source, target, trial, stands)
    facts = source.sealed_facts(trial)
    for chunk in _chunks(islice(facts, stands), CHUNK):
        target.recognise(trial, chunk)
    moved = 0
    for chunk in _chunks(facts, CHUNK):
        target.adopt(trial, chunk)
        moved += len(chunk)
    refused = target.adopt_refusals([one for one in source.sealed_refusals() if one.trial == trial])
    return Moved(trial, moved, refused, summed(source, trial), summed(target, trial))


def move_refusals_of_no_trial(source: Carrier, target: Carrier) -> int:
    """Carries over what is in quarantine and names no trial that has a ledger; gives how many messages are new."""
    trials = set(source.trials())
    others: list[SealedRefusal] = [one for one in source.sealed_refusals() if one.trial not in trials]
    return target.adopt_refusals(others)


def summed(ledger: Carrier, trial: str) -> tuple[int, str]:
    """The last position of a trial, and one digest over the canonical bytes of every position."""
    digest, last = hashlib.sha256(), 0
    for position, canonical in ledger.canonical(trial):
        digest.update(b"%d %d " % (position, len(canonical)) + canonical)
        last = position
    return last, digest.hexdigest()


def _refuse_others(source: Carrier, target: Carrier, trial: str, stands: int) -> None:
    ours = source.canonical(trial, 0, stands)
    for position, there in target.canonical(trial, 0, stands):
        if next(ours, None) != (position, there):
            raise OtherFactsError(trial, position)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
