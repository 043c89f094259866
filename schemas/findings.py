"""What follows from the ledger? Findings: each with its rule, its causes and one sentence a physician can read.

A finding says what stands; a `Change` says that it was raised, changed or withdrawn at a position. Equal conclusions
are equal bytes: no clock, no code version, no free text stands in a finding.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, dataclass_transform, get_args

from pydantic import ConfigDict

from schemas.canonical import canonical

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def conclusion(cls: type[T]) -> type[T]:
    """A dataclass that the type checker holds frozen. Frozen at run time it would take three times as long to make."""
    return dataclass(kw_only=True, unsafe_hash=True)(cls)


@conclusion
class Finding:
    """One conclusion about one thing."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    """Only for the JSON Schema: a finding is made here, never read."""

    kind: ClassVar[str]
    """`grade`, `participant_rule`, `dose_decision`, `cohort_rule`, `evaluability` or `query`."""

    key: str
    """What the conclusion is about: stays the same while the conclusion changes."""
    rule: str
    """The rule that concluded it."""
    version: str
    """The version of the protocol in force."""
    participant: str | None = None
    """The participant it is about, if one."""
    scope: str | None = None
    """The group it is about, if one."""
    causes: tuple[str, ...]
    """The records (`source|record`) that caused it."""
    sentence: str
    """One sentence that a physician can read."""


@conclusion
class GradeFinding(Finding):
    """The CTCAE grade of one record under one term. Grade 0 and *not gradable* stand too."""

    kind: ClassVar[str] = "grade"

    term: str
    """The CTCAE term, or the reported term."""
    basis: Literal["laboratory", "reported"]
    """Whether a value was graded, or a reporter gave the grade."""
    on: str | None
    """The day it speaks of, as precisely as it is known."""
    until: str | None = None
    """The end of a reported event, as precisely as it is known; null: it goes on, or nobody knows."""
    grade: int | None
    """0 to 5; null where low and high differ or nothing can be said."""
    low: int | None
    """The lowest grade it can be."""
    high: int | None
    """The highest grade it can be."""
    missing: tuple[str, ...] = ()
    """Which facts or limits would decide."""
    why: str | None = None
    """Why there is no single grade."""
    note: str | None = None
    """A stated reading that was applied, such as the rounding of a value between two printed ranges."""
    emergent: bool | None = None
    """Whether a reported event came or worsened under treatment; null: a value."""
    emergence: str | None = None
    """Why it counts as treatment-emergent, or not."""


@conclusion
class ParticipantRuleFinding(Finding):
    """A rule about one participant is true, or not decided yet. One that is false stands as nothing."""

    kind: ClassVar[str] = "participant_rule"

    verdict: Literal["true", "pending", "unknown"]
    """Whether it is true, waits for time, or lacks a fact."""
    drugs: tuple[str, ...]
    """The drugs that it acts on."""
    action: str
    """What the protocol says to do."""
    causality: Literal["given", "not yet given"]
    """Whether somebody has judged the causality; what is not yet judged counts as related."""
    on: str | None
    """The onset of the first event, or the day of the first value, that it rests on."""
    met_on: str | None = None
    """The day or instant on which it became true, the last time it did; null: it is not true."""
    until: str | None = None
    """The day or instant at which time decides, where nothing else comes; null: no such day is known."""
    missing: tuple[str, ...] = ()
    """What would decide it."""
    recovered: str | None = None
    """Of a rule that holds a drug: when the criterion to resume was met; null: not yet, or the rule holds nothing."""
    occurrence: int = 0
    """How often it became true, with recovery between."""


@conclusion
class DoseDecisionFinding(Finding):
    """What the protocol says of one drug of a participant, where it is not simply to be given as planned."""

    kind: ClassVar[str] = "dose_decision"

    drug: str
    """The drug by its name in the protocol."""
    action: Literal["held", "reduced", "slowed", "stopped"]
    """On hold until something resumes it; given less; infused more slowly; stopped for good."""
    on: str | None
    """Since when, as precisely as it is known."""
    reason: str
    """What the rules that decide it say, in the protocol's own sentences, or what a person decided."""
    rules: tuple[str, ...]
    """The rules that decide it; `treatment_ended`: a person; `partner_stopped`: not given without its partner."""
    resumes: str | None = None
    """Of a hold: what ends it."""
    until: str | None = None
    """Of a hold: the day on which it becomes a stop, where the protocol gives one."""
    dose: str | None = None
    """The dose of each administration that it was reduced to, with its unit."""
    rate_percent: str | None = None
    """The infusion rate, in percent of the planned one, that it was slowed to."""


@conclusion
class EvaluabilityFinding(Finding):
    """Whether a participant counts in the denominator of a cohort rule."""

    kind: ClassVar[str] = "evaluability"

    status: Literal["event", "completed", "pending", "not_evaluable"]
    """Had the event; completed the window without it; is still in the window; does not count."""
    until: str | None
    """The day the window ends, where that is known."""


@conclusion
class CohortRuleFinding(Finding):
    """Where one group stands against its stopping boundary: three verdicts side by side."""

    kind: ClassVar[str] = "cohort_rule"

    verdict: Literal["below", "possible", "certain", "official"]
    """The strongest of the three verdicts that stands."""
    official: bool
    """The protocol's rule: at some look inside the run of resolved participants the count reached the bound."""
    certain: bool
    """Known events alone reach a bound at some look, whatever the pending participants do."""
    possible: bool
    """Known events with all pending participants would reach a bound at some look, or the next."""
    x: int
    """Participants with the event in the official run."""
    n: int
    """Participants in the official run."""
    bound: int | None
    """The bound at n; null where n is no look or cannot stop."""
    distance: int | None
    """Events still missing to the bound at the next look."""
    enrolled: int
    """Participants of the scope who count, in order of enrolment."""
    events: int
    """Known events among them."""
    pending: int
    """Participants whose window is open."""


@conclusion
class QueryFinding(Finding):
    """Something in the data contradicts itself or is missing: a question to the source, never a guess."""

    kind: ClassVar[str] = "query"

    question: str
    """Which check found it."""


AnyFinding = (
    GradeFinding | ParticipantRuleFinding | DoseDecisionFinding | EvaluabilityFinding | CohortRuleFinding | QueryFinding
)

KINDS: tuple[str, ...] = tuple(finding.kind for finding in get_args(AnyFinding))
"""The kinds of findings there are."""

State = Literal["raised", "changed", "withdrawn"]


class Change(NamedTuple):
    """A finding was raised, changed or withdrawn at a position of its trial's ledger."""

    state: State
    since: int
    finding: AnyFinding


def change_id(trial: str, position: int, key: str) -> str:
    """The id of a change: a function of trial, position and finding key, so what is sent twice is one message."""
    return hashlib.sha256(f"{trial}\n{position}\n{key}".encode()).hexdigest()[:32]


def message(trial: str, change: Change) -> dict[str, Any]:
    """A change as it travels. What is about no participant or no group has no such field; other unknowns are null."""
    finding = change.finding
    document = vars(finding) | {
        "id": change_id(trial, change.since, finding.key),
        "kind": finding.kind,
        "trial": trial,
        "state": change.state,
        "since": change.since,
    }
    if finding.participant is None:
        del document["participant"]
    if finding.scope is None:
        del document["scope"]
    return document


def written(trial: str, changes: Iterable[Change]) -> Iterator[bytes]:
    """The canonical bytes of each change, in order: what is published, and what a replay must equal."""
    for change in changes:
        yield canonical(message(trial, change))
