"""Which findings do the rules about a participant come to? True, pending and unknown stand; what is false does not."""

from collections.abc import Iterable, Iterator

from clinical.protocol import Protocol, in_words
from clinical.rules.sighting import written
from clinical.rules.truth import Cause, Judged
from clinical.state import Participant
from schemas.findings import ParticipantRuleFinding

__all__ = ["conclude"]

MANY = 4
"""Causes that a sentence names; the finding lists them all."""


def conclude(protocol: Protocol, participant: Participant, done: Iterable[Judged]) -> Iterator[ParticipantRuleFinding]:
    """The findings of the rules that are not false."""
    for one in done:
        truth, rule = one.truth, one.rule
        if truth.verdict == "false":
            continue
        unjudged = bool(truth.causes) and all(cause.causality == "not yet given" for cause in truth.causes)
        yield ParticipantRuleFinding(
            key=f"participant_rule|{rule.id}|{participant.id}",
            rule=rule.id,
            version=protocol.version,
            participant=participant.id,
            scope=participant.group,
            causes=tuple(cause.key for cause in truth.causes),
            sentence=_sentence(participant, one),
            verdict=truth.verdict,
            drugs=one.drugs,
            action=rule.says,
            causality="not yet given" if unjudged else "given",
            on=min((cause.on for cause in truth.causes if cause.on), default=None),
            met_on=one.since,
            until=written(truth.until) if truth.until else None,
            missing=truth.missing,
            recovered=one.recovered,
            occurrence=one.occurrence,
        )


def _sentence(participant: Participant, one: Judged) -> str:
    truth, rule = one.truth, one.rule
    because = "; ".join(_said(cause) for cause in truth.causes[:MANY])
    if len(truth.causes) > MANY:
        because += f"; and {len(truth.causes) - MANY} more"
    because = f": {because}" if because else ""
    missing = " and ".join(truth.missing)
    match truth.verdict:
        case "true":
            said = f"meets {in_words(rule.id)}{because}"
            if one.recovered:
                said += f"; the criterion to resume was met on {one.recovered}"
        case "pending":
            until = written(truth.until) if truth.until else "an unknown day"
            said = f"will meet {in_words(rule.id)} on {until} unless a fact says otherwise{because}"
            said += f"; not known: {missing}" if missing else ""
        case _:
            said = f"may meet {in_words(rule.id)}, not known: {missing}{because}"
    return f"Participant {participant.id} {said}. The protocol says: {rule.says}."


def _said(cause: Cause) -> str:
    unjudged = ", causality not yet given and counted as related" if cause.causality != "given" else ""
    return cause.words + unjudged
