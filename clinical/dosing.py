"""What is said of each drug of a participant, and of each dose that contradicts it? Findings from the decisions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from clinical.protocol import Protocol
from clinical.rules.decisions import Reason, decided, in_force, state_at
from clinical.rules.judging import up_to_the_hour
from clinical.state import Participant
from schemas.facts.dosing import Dose
from schemas.findings import DoseDecisionFinding, QueryFinding
from schemas.values import written_decimal

MISMATCH = "mismatch"

IS = {
    "stopped": "permanently stopped",
    "held": "on hold",
    "reduced": "reduced",
    "slowed": "infused more slowly",
}


def conclude(
    protocol: Protocol, participant: Participant, now: datetime
) -> Iterator[DoseDecisionFinding | QueryFinding]:
    """What stands of each drug that is not simply given as planned, and the doses that are asked about."""
    reasons = decided(protocol, participant, participant.judged.values(), up_to_the_hour(now))
    if not reasons:
        return
    for drug in dict.fromkeys(reason.drug for reason in reasons):
        if standing := in_force(reasons, drug):
            yield _decision(protocol, participant, drug, standing)
    for key in participant.doses:
        yield from _asked(protocol, participant, key, reasons)


def asked_about(protocol: Protocol, participant: Participant, key: str, now: datetime) -> Iterator[QueryFinding]:
    """Whether one dose is asked about: all that a dose can move by itself."""
    reasons = decided(protocol, participant, participant.judged.values(), up_to_the_hour(now))
    yield from _asked(protocol, participant, key, reasons) if key in participant.doses else ()


def _asked(protocol: Protocol, participant: Participant, key: str, reasons: Sequence[Reason]) -> Iterator[QueryFinding]:
    said = participant.records[key].said
    if isinstance(said, Dose) and (wrong := _contradicted(protocol, said, reasons)):
        yield _mismatch(protocol, participant, key, *wrong)


def _decision(
    protocol: Protocol, participant: Participant, drug: str, standing: tuple[Reason, ...]
) -> DoseDecisionFinding:
    state = standing[0].state
    deciding = [one for one in standing if one.state == state]
    deciding = [one for one in deciding if not _rests_on_rules(protocol, one)] or deciding
    first = deciding[0]
    going_on = standing if state != "stopped" else ()
    reduced = min((one for one in going_on if one.dose is not None), key=lambda one: one.dose or 0, default=None)
    percents = [one.percent for one in going_on if one.percent is not None]
    until = min((one.at_most for one in deciding if one.at_most), default=None)
    dose = f"{written_decimal(reduced.dose)} {reduced.unit}" if reduced and reduced.dose is not None else None
    percent = written_decimal(min(percents)) if percents else None
    resumes = "; ".join(dict.fromkeys(one.resumes for one in deciding if one.resumes)) or None
    return DoseDecisionFinding(
        key=f"dose_decision|{participant.id}|{drug}",
        rule=first.rule,
        version=protocol.version,
        participant=participant.id,
        scope=participant.group,
        causes=tuple(sorted({key for one in deciding for key in one.causes})),
        sentence=_sentence(participant.id, drug, deciding, dose, percent, resumes),
        drug=drug,
        action=state,
        on=first.since,
        reason="; ".join(dict.fromkeys(one.sentence for one in deciding)),
        rules=tuple(dict.fromkeys(one.rule for one in deciding)),
        resumes=resumes,
        until=until.date().isoformat() if until else None,
        dose=dose,
        rate_percent=percent,
    )


def _rests_on_rules(protocol: Protocol, reason: Reason) -> bool:
    """Whether the rule gathers what other rules say: those say it better."""
    rules = (rule for rule in protocol.participant_rules if rule.id == reason.rule)
    return any(condition.rule is not None for rule in rules for condition in rule.conditions)


def _sentence(
    name: str, drug: str, deciding: list[Reason], dose: str | None, percent: str | None, resumes: str | None
) -> str:
    state, since = deciding[0].state, deciding[0].since
    to = {"reduced": f" to {dose}", "slowed": f", at {percent} % of the planned rate"}.get(state, "")
    if state == "reduced" and percent:
        to += f", and infused at {percent} % of the planned rate"
    why = "; ".join(dict.fromkeys(one.sentence + _records(one) for one in deciding))
    ends = f". It resumes with: {resumes}" if resumes else ""
    return f"Participant {name}: {drug} is {IS[state]}{to} since {since or 'an unknown day'}: {why}{ends}."


def _records(reason: Reason) -> str:
    return f" ({'; '.join(reason.because)})" if reason.because else ""


def _contradicted(protocol: Protocol, dose: Dose, reasons: Sequence[Reason]) -> tuple[str, Reason] | None:
    """What is wrong with a dose, in words that follow `Participant N: `, and the reason that it contradicts."""
    if dose.given <= 0:
        return None
    given = f"{dose.drug} was given on {dose.started}"
    for reason in state_at(reasons, dose.drug, dose.started):
        since = f"since {reason.since}" if reason.since else "since an unknown day"
        match reason.state:
            case "stopped":
                return f"{given}, but was stopped for good {since}", reason
            case "held":
                return f"{given}, but was on hold {since}", reason
            case "reduced" if _is_more(protocol, dose, reason):
                return f"{given} in more than the {reason.dose} {reason.unit} to which it was reduced {since}", reason
            case "slowed" if dose.rate_percent is not None and dose.rate_percent > (reason.percent or 0):
                rate = f"at {written_decimal(dose.rate_percent)} % of the rate"
                return f"{given} {rate}, but was slowed to {reason.percent} % {since}", reason
    return None


def _is_more(protocol: Protocol, dose: Dose, reason: Reason) -> bool:
    """Whether certainly more was given than the reduced dose, beyond the tolerance; not where no weight is known."""
    size = {"mg/kg": dose.weight_kg, "mg/m2": dose.body_surface_m2, "mg": Decimal(1)}.get(reason.unit or "")
    if size is None or reason.dose is None or dose.unit != "mg":
        return False
    tolerance = protocol.dosing.tolerance_percent if protocol.dosing else 0
    return dose.given * 100 > reason.dose * size * (100 + tolerance)


def _mismatch(protocol: Protocol, participant: Participant, key: str, wrong: str, reason: Reason) -> QueryFinding:
    return QueryFinding(
        key=f"query|{MISMATCH}|{key}",
        rule=MISMATCH,
        version=protocol.version,
        participant=participant.id,
        scope=participant.group,
        causes=(key, *(cause for cause in reason.causes if cause != key)),
        sentence=f"Participant {participant.id}: {wrong} ({reason.sentence}).",
        question=MISMATCH,
    )
