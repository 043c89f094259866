"""What may be given of each drug now, and what stood when it was given? From judged rules and people's decisions.

A drug is planned, reduced, slowed, held, or stopped for good. Each reason for another state than planned has a stretch
of time: from what made it to the recovery that ends it, or without end where the state is sticky. Asked for any moment
they say what stood then, as far as is known now; so a corrected fact changes what its doses are held against.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from clinical.course import span
from clinical.protocol import Protocol
from clinical.rules.rule import Action, Hold, ParticipantRule
from clinical.rules.sighting import instant
from clinical.rules.truth import Judged, Stretch
from clinical.rules.view import drugs_of
from clinical.state import Participant
from schemas.facts.participants import EndOfTreatment

__all__ = ["DoseState", "Reason", "decided", "in_force", "state_at"]

DoseState = Literal["stopped", "held", "reduced", "slowed"]
"""What is not simply given as planned, the strongest first."""

STRENGTH: tuple[DoseState, ...] = ("stopped", "held", "reduced", "slowed")

ENDED, PARTNER = "treatment_ended", "partner_stopped"
"""Reasons that are no rule of the protocol: a person ended it; it is not given without its partner."""


class Reason(NamedTuple):
    """Why a drug is in a state, from when to when."""

    drug: str
    state: DoseState
    rule: str
    """The rule of the protocol that says so, or one of the other reasons."""
    sentence: str
    """The rule's own sentence, or what a person decided."""
    because: tuple[str, ...]
    """What the records say, in a few words each."""
    causes: tuple[str, ...]
    """The records."""
    since: str | None
    """When it began, as precisely as it is known; None: nobody knows."""
    until: str | None = None
    """When it was over; None: it stands."""
    resumes: str | None = None
    """Of a hold: what ends it."""
    at_most: datetime | None = None
    """Of a hold: when it becomes a stop."""
    dose: Decimal | None = None
    unit: str | None = None
    """Of a reduction: to what."""
    percent: Decimal | None = None
    """Of a slower infusion: of the planned rate."""


def decided(
    protocol: Protocol, participant: Participant, judged: Iterable[Judged], now: datetime
) -> tuple[Reason, ...]:
    """Every reason there is or was, by drug and time. Drugs without one are given as planned."""
    drugs = drugs_of(protocol, participant)
    reasons = [*_of_rules(judged, drugs, now), *_of_people(participant, drugs)]
    reasons += _of_partners(protocol, reasons, drugs)
    return tuple(sorted(reasons, key=_order))


def state_at(reasons: Iterable[Reason], drug: str, moment: str | datetime) -> tuple[Reason, ...]:
    """The reasons that certainly stood for a drug at a moment, the strongest first; none: as planned."""
    first, last = (moment, moment) if isinstance(moment, datetime) else span(moment)
    standing = [
        one
        for one in reasons
        if one.drug == drug and _surely_begun(one, first) and (one.until is None or last < span(one.until)[0])
    ]
    return tuple(sorted(standing, key=lambda one: (STRENGTH.index(one.state), *_order(one))))


def in_force(reasons: Iterable[Reason], drug: str) -> tuple[Reason, ...]:
    """The reasons that stand now, the strongest first."""
    standing = (one for one in reasons if one.drug == drug and one.until is None)
    return tuple(sorted(standing, key=lambda one: (STRENGTH.index(one.state), *_order(one))))


def _surely_begun(reason: Reason, first: datetime) -> bool:
    """Whether a moment lies after the beginning: on one day only where its hour is known, and no later."""
    begun_first, begun_last = span(reason.since)
    return first > begun_last or begun_first == begun_last == first


def _order(reason: Reason) -> tuple[str, datetime, str, tuple[str, ...]]:
    return reason.drug, span(reason.since)[0], reason.rule, reason.causes


def _of_rules(judged: Iterable[Judged], drugs: tuple[str, ...], now: datetime) -> Iterator[Reason]:
    for one in judged:
        for action in one.rule.actions if one.truth.verdict == "true" else ():
            stretches = one.stretches if action.hold is not None else one.stretches[:1]  # what is sticky began once
            for stretch in stretches:
                for drug in drugs if action.end_treatment else stretch.drugs:
                    yield from _of_action(action, one.rule, stretch, drug, now)


def _of_action(action: Action, rule: ParticipantRule, stretch: Stretch, drug: str, now: datetime) -> Iterator[Reason]:
    words = tuple(cause.words for cause in stretch.causes)
    causes = tuple(cause.key for cause in stretch.causes)
    reason = Reason(drug, "stopped", rule.id, rule.sentence, words, causes, stretch.since)
    if action.hold is not None:
        yield from _held(reason, action.hold, stretch.recovered, now)
    elif action.reduce is not None:
        yield reason._replace(state="reduced", dose=action.reduce.to, unit=action.reduce.unit)
    elif action.slow is not None:
        yield reason._replace(state="slowed", percent=action.slow.to_percent)
    elif action.discontinue is not None or action.end_treatment is not None:
        yield reason


def _held(reason: Reason, hold: Hold, recovered: str | None, now: datetime) -> Iterator[Reason]:
    """A hold until recovery; one that lasts as long as the protocol allows is a stop from then on."""
    days = hold.at_most_days
    held = reason._replace(state="held", until=recovered, resumes=hold.resume.words)
    longest = span(reason.since)[0] + timedelta(days=days) if days is not None and reason.since is not None else None
    if longest is None or (recovered is not None and span(recovered)[0] < longest):
        yield held
    elif now < longest:
        yield held._replace(at_most=longest)
    else:
        yield held._replace(until=instant(longest))
        sentence = f"{reason.sentence}, and still on hold after {days} days"
        yield reason._replace(since=instant(longest), sentence=sentence)


def _of_people(participant: Participant, drugs: tuple[str, ...]) -> Iterator[Reason]:
    """What people ended, of one drug or of all."""
    for key in participant.courses:
        said = participant.records[key].said
        if isinstance(said, EndOfTreatment):
            cause = said.cause.replace("_", " ")
            for drug in drugs if said.drug is None else (said.drug,):
                ended = drug if said.drug else "all study treatment"
                sentence = f"{ended[0].upper() + ended[1:]} was ended: {cause}"
                yield Reason(drug, "stopped", ENDED, sentence, (), (key,), said.ended_on)


def _of_partners(protocol: Protocol, reasons: Iterable[Reason], drugs: tuple[str, ...]) -> Iterator[Reason]:
    """What is not given any more once its partner is stopped for good."""
    if protocol.dosing is None:
        return
    for cascade in protocol.dosing.cascade:
        stops = [one for one in reasons if one.drug == cascade.stopped and one.state == "stopped"]
        first = min(stops, key=_order, default=None)
        if first is not None:
            alone = {one.drug for one in reasons if one.state == "stopped" and span(one.since) <= span(first.since)}
            for drug in (one for one in cascade.stops if one in drugs and one not in alone):
                sentence = f"{drug} is not given without {cascade.stopped}, which is stopped: {first.sentence}"
                yield first._replace(drug=drug, rule=PARTNER, sentence=sentence)
