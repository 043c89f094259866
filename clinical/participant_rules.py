"""Which rules about one participant are true? Each says what stands now, from the events that stand now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from clinical.causality import related_to_any
from clinical.protocol import ParticipantRule, Protocol, in_words
from clinical.state import Participant
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.participants import Death
from schemas.findings import ParticipantRuleFinding


@dataclass(frozen=True, slots=True)
class Cause:
    """One record that makes a rule true."""

    key: str
    words: str
    on: str | None
    causality: Literal["given", "not yet given"]


def is_fatal(event: AdverseEvent) -> bool:
    """A fatal event, whichever field says so: grade 5, the outcome, or the severity."""
    return event.grade == 5 or event.outcome == "fatal" or event.severity == "fatal"


def causes(protocol: Protocol, rule: ParticipantRule, participant: Participant) -> tuple[Cause, ...]:
    """The records that make the rule true, by record key.

    Only a reported grade counts, or death: a severity that merely bounds the grade does not. A death of an adverse
    event, or of unknown cause, counts by itself until a fatal event is reported, whose causality then decides.
    """
    fatal_reported = False
    found: list[Cause] = []
    for key, event in events_of(participant):
        fatal = is_fatal(event)
        fatal_reported |= fatal
        if not fatal and (event.grade is None or event.grade < rule.grade_at_least):
            continue
        causality = related_to_any(protocol.causality, event, drugs_of(protocol, participant))
        if causality == "not related":
            continue
        words = f"{event.term}, {'fatal' if fatal else f'grade {event.grade}'}"
        found.append(Cause(key, words, event.onset, "given" if causality == "related" else "not yet given"))
    if not fatal_reported:
        found.extend(_deaths(participant))
    return tuple(sorted(found, key=lambda cause: cause.key))


def events_of(participant: Participant) -> Iterator[tuple[str, AdverseEvent]]:
    """The adverse events that stand."""
    for key in participant.events:
        said = participant.records[key].said
        if isinstance(said, AdverseEvent):
            yield key, said


def drugs_of(protocol: Protocol, participant: Participant) -> tuple[str, ...]:
    """The study drugs that the participant's group receives."""
    group = protocol.groups.get(participant.enrolment.group) if participant.enrolment else None
    return tuple(group.drugs) if group else ()


def conclude(protocol: Protocol, participant: Participant) -> Iterator[ParticipantRuleFinding]:
    """The rules that are true of the participant."""
    for rule in protocol.participant_rules:
        standing = causes(protocol, rule, participant)
        if standing:
            yield _finding(protocol, rule, participant, standing)


def _deaths(participant: Participant) -> Iterator[Cause]:
    for key in participant.courses:
        said = participant.records[key].said
        if isinstance(said, Death) and said.cause in {"adverse_event", "unknown"}:
            of = "an adverse event" if said.cause == "adverse_event" else "unknown cause"
            yield Cause(key, f"death of {of}, no fatal event reported", said.died_on, "not yet given")


def _finding(
    protocol: Protocol, rule: ParticipantRule, participant: Participant, standing: tuple[Cause, ...]
) -> ParticipantRuleFinding:
    unjudged = all(cause.causality == "not yet given" for cause in standing)
    because = "; ".join(
        cause.words + (", causality not yet given and counted as related" if cause.causality != "given" else "")
        for cause in standing
    )
    meets = f"Participant {participant.id} meets {in_words(rule.id)}"
    return ParticipantRuleFinding(
        key=f"participant_rule|{rule.id}|{participant.id}",
        rule=rule.id,
        version=protocol.version,
        participant=participant.id,
        scope=participant.enrolment.group if participant.enrolment else None,
        causes=tuple(cause.key for cause in standing),
        sentence=f"{meets}: {because}. The protocol says: {rule.action}.",
        verdict="true",
        action=rule.action,
        causality="not yet given" if unjudged else "given",
        on=min((cause.on for cause in standing if cause.on), default=None),
    )
