"""What in the data contradicts itself or is missing? Each check is one question to the source, never a guess.

A check looks at one record of one participant, beside the participant's own course. To add one: a function, and its
name in `CHECKS` under the kind of record it looks at.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from clinical.ctcae import find_analyte, is_laboratory_term, known_term, suggest, term_grades
from clinical.protocol import Interval, Protocol
from clinical.rules.view import events_of
from clinical.severity import SEVERITY_BOUNDS, is_fatal
from clinical.state import LabPoint, Participant, Said
from schemas.facts.adverse_events import AdverseEvent
from schemas.facts.dosing import Dose
from schemas.facts.participants import Death, Enrolment, Survival
from schemas.findings import QueryFinding
from schemas.values import earliest_day, latest_day


class Asked(NamedTuple):
    """One record beside the participant it belongs to."""

    protocol: Protocol
    participant: Participant
    said: Said


Check = Callable[[Asked], str | None]
"""Gives what is wrong, in words that follow `Participant N: `, or None."""


def serious_without_criterion(asked: Asked) -> str | None:
    """ICH E2A II.B: an event is serious by one of six criteria."""
    match asked.said:
        case AdverseEvent(serious=True, criteria=(), term=term):
            return f"{term} is called serious, but no criterion is given"
    return None


def criterion_without_serious(asked: Asked) -> str | None:
    """A criterion makes an event serious, whatever the flag says."""
    match asked.said:
        case AdverseEvent(serious=False, criteria=(first, *_), term=term):
            return f"{term} is called not serious, but a criterion of seriousness is given ({first})"
    return None


def fatal_but_not_serious(asked: Asked) -> str | None:
    """Death is a criterion of seriousness."""
    match asked.said:
        case AdverseEvent(serious=False, term=term) as event if is_fatal(event):
            return f"{term} was fatal, but is called not serious"
    return None


def grade_contradicts_outcome(asked: Asked) -> str | None:
    """CTCAE: grade 5 is death related to the event, and only that."""
    match asked.said:
        case AdverseEvent(grade=5, outcome=outcome, term=term) if outcome not in {"fatal", "unknown"}:
            return f"{term} has grade 5, but its outcome is {outcome.replace('_', ' ')}"
        case AdverseEvent(grade=grade, outcome="fatal", term=term) if grade is not None and grade < 5:
            return f"{term} was fatal, but its grade is {grade}"
    return None


def term_not_of_the_dictionary(asked: Asked) -> str | None:
    """Where the protocol has events reported in CTCAE terms, a grade under another name means nothing."""
    match asked.said:
        case AdverseEvent(term=term) if asked.protocol.grading.reported_terms == "ctcae":
            version = asked.protocol.ctcae
            if known_term(version, term) is None:
                meant = suggest(version, term)
                hint = f"; {meant} may be meant" if meant else ""
                return f"{term} is no term of CTCAE {version}{hint}"
    return None


def grade_not_of_the_term(asked: Asked) -> str | None:
    """CTCAE: not every term has every grade."""
    match asked.said:
        case AdverseEvent(term=term, grade=grade, course=course):
            version = asked.protocol.ctcae
            exist = term_grades(version, known_term(version, term) or term)
            given = ([] if grade is None else [grade]) + [step.grade for step in course if step.grade]
            wrong = next((one for one in given if exist is not None and one not in exist), None)
            if wrong is not None and exist is not None:
                return f"{term} has grade {wrong}, which CTCAE {version} does not have for it (it has {_listed(exist)})"
    return None


def grade_against_course(asked: Asked) -> str | None:
    """Where the grade is followed within one event, the event's grade is the worst of them."""
    match asked.said:
        case AdverseEvent(term=term, grade=grade, course=(_, *_) as course):
            worst = max(step.grade for step in course)
            if grade != worst:
                return f"{term} has {'no grade' if grade is None else f'grade {grade}'}, but its course reaches {worst}"
    return None


def no_grade(asked: Asked) -> str | None:
    """Where the protocol has events reported by the CTCAE, each has a grade. A severity is another scale's answer."""
    match asked.said:
        case AdverseEvent(grade=None, severity=None, term=term) if asked.protocol.grading.reported_terms == "ctcae":
            return f"{term} is reported without a grade"
    return None


def grade_against_severity(asked: Asked) -> str | None:
    """Mild, moderate, severe and fatal are CTCAE's own words for its grades."""
    match asked.said:
        case AdverseEvent(grade=int(grade), severity=str(severity), term=term):
            low, high = SEVERITY_BOUNDS[severity]
            if not low <= grade <= high:
                return f"{term} has grade {grade}, but its severity is {severity}"
    return None


def life_threatening_but_not_serious(asked: Asked) -> str | None:
    """CTCAE: grade 4 is life-threatening, and so serious (ICH E2A II.B), unless a value alone gives it."""
    match asked.said:
        case AdverseEvent(grade=4, serious=serious, criteria=(), term=term) if not serious:
            if not is_laboratory_term(asked.protocol.ctcae, term):
                said = "called not serious" if serious is False else "not called serious"
                return f"{term} has grade 4, but is {said}"
    return None


def ends_before_it_begins(asked: Asked) -> str | None:
    """Only where the dates leave no other reading."""
    match asked.said:
        case AdverseEvent(onset=str(onset), end=str(end), term=term) if latest_day(end) < earliest_day(onset):
            return f"{term} ends on {end}, before its onset on {onset}"
        case Dose(started=started, ended=str(ended), drug=drug) if latest_day(ended) < earliest_day(started):
            return f"a dose of {drug} ends on {ended}, before it began on {started}"
    return None


def limits_reversed(asked: Asked) -> str | None:
    """A lower limit of normal above the upper one."""
    match asked.said:
        case LabPoint(lower_limit=lower, upper_limit=upper) as lab if lower is not None and upper is not None:
            if lower > upper:
                return f"{lab.analyte} of {lab.collected} has a lower limit ({lower}) above its upper limit ({upper})"
    return None


def below_zero(asked: Asked) -> str | None:
    """No quantity of blood or urine that the CTCAE grades can be negative."""
    match asked.said:
        case LabPoint(analyte=analyte, collected=collected, value=value) if value is not None and value < 0:
            if find_analyte(analyte) is not None:
                return f"{analyte} of {collected} is below zero ({value})"
    return None


def happens_after_death(asked: Asked) -> str | None:
    """Nothing is given to, and nothing begins in, a participant who has died."""
    death = asked.participant.death
    if death is None:
        return None
    died = latest_day(death.died_on)
    match asked.said:
        case Dose(started=started, drug=drug) if earliest_day(started) > died:
            return f"a dose of {drug} is dated {started}, after the death on {death.died_on}"
        case AdverseEvent(onset=str(onset), term=term) if earliest_day(onset) > died:
            return f"{term} begins on {onset}, after the death on {death.died_on}"
        case LabPoint(analyte=analyte, collected=collected) if earliest_day(collected) > died:
            return f"{analyte} is dated {collected}, after the death on {death.died_on}"
        case Survival(alive_on=alive) if earliest_day(alive) > died:
            return f"known alive on {alive}, after the death on {death.died_on}"
    return None


def died_twice(asked: Asked) -> str | None:
    """Two records of one death that say different things; the one accepted later stands until one is withdrawn."""
    death = asked.participant.death
    match asked.said:
        case Death(died_on=died) as one if death is not None and one != death:
            return f"died on {died} of {_words(one.cause)}, and on {death.died_on} of {_words(death.cause)}"
    return None


def dose_without_enrolment(asked: Asked) -> str | None:
    """Such a dose is refused when it comes in; an enrolment corrected or withdrawn later leaves this question."""
    enrolment = asked.participant.enrolment
    match asked.said:
        case Dose(started=started, drug=drug) if enrolment is None:
            return f"a dose of {drug} is dated {started}, but the enrolment was withdrawn"
        case Dose(started=started, drug=drug) if enrolment and latest_day(started) < enrolment.enrolled_on:
            return f"a dose of {drug} is dated {started}, before the enrolment on {enrolment.enrolled_on}"
    return None


def drug_not_of_the_group(asked: Asked) -> str | None:
    """A participant receives what the group receives."""
    enrolment = asked.participant.enrolment
    group = asked.protocol.groups.get(enrolment.group) if enrolment else None
    match asked.said:
        case Dose(drug=drug) if group is not None and drug not in group.drugs:
            return f"{drug} was given, which {group.name} does not receive"
    return None


def enrolment_against_protocol(asked: Asked) -> str | None:
    """The group exists, and its condition holds."""
    if not isinstance(asked.said, Enrolment):
        return None
    group = asked.protocol.groups.get(asked.said.group)
    if group is None:
        return f"enrolled into group {asked.said.group}, which the protocol does not have"
    months = asked.said.prior_therapy_months
    if (
        group.prior_therapy_months is not None
        and months is not None
        and not _inside(group.prior_therapy_months, months)
    ):
        return f"enrolled into {group.name}, but first-line treatment lasted {months} months"
    most = asked.protocol.eligibility.ecog_at_most
    if most is not None and asked.said.ecog is not None and asked.said.ecog > most:
        return f"enrolled with ECOG {asked.said.ecog}, above {most}"
    return None


def death_of_an_event_without_one(asked: Asked) -> str | None:
    """A death of an adverse event has a fatal event that names it."""
    match asked.said:
        case Death(cause="adverse_event") if not any(is_fatal(event) for _, event in events_of(asked.participant)):
            return "died of an adverse event, but no fatal event is reported"
    return None


def fatal_event_without_death(asked: Asked) -> str | None:
    """A fatal event has a death."""
    match asked.said:
        case AdverseEvent(term=term) as event if is_fatal(event) and asked.participant.death is None:
            return f"{term} was fatal, but no death is reported"
    return None


CHECKS: dict[type[Said], tuple[Check, ...]] = {
    AdverseEvent: (
        serious_without_criterion,
        criterion_without_serious,
        fatal_but_not_serious,
        grade_contradicts_outcome,
        term_not_of_the_dictionary,
        grade_not_of_the_term,
        grade_against_course,
        no_grade,
        grade_against_severity,
        life_threatening_but_not_serious,
        ends_before_it_begins,
        happens_after_death,
        fatal_event_without_death,
    ),
    Dose: (ends_before_it_begins, dose_without_enrolment, happens_after_death, drug_not_of_the_group),
    LabPoint: (limits_reversed, below_zero, happens_after_death),
    Enrolment: (enrolment_against_protocol,),
    Death: (death_of_an_event_without_one, died_twice),
    Survival: (happens_after_death,),
}
"""Which checks a record of each kind is put through."""


def conclude(protocol: Protocol, participant: Participant, key: str, said: Said) -> Iterator[QueryFinding]:
    """The queries that stand about one record."""
    asked = Asked(protocol, participant, said)
    for check in CHECKS.get(type(said), ()):
        wrong = check(asked)
        if wrong is not None:
            name = check.__name__
            yield QueryFinding(
                key=f"query|{name}|{key}",
                rule=name,
                version=protocol.version,
                participant=participant.id,
                scope=participant.group,
                causes=(key,),
                sentence=f"Participant {participant.id}: {wrong}.",
                question=name,
            )


def _words(code: str) -> str:
    return {"unknown": "an unknown cause", "other": "another cause"}.get(code, code.replace("_", " "))


def _listed(grades: frozenset[int]) -> str:
    *first, last = map(str, sorted(grades))
    return f"{', '.join(first)} and {last}" if first else last


def _inside(interval: Interval, value: Decimal) -> bool:
    at_most, more_than = interval.at_most, interval.more_than
    return (at_most is None or value <= at_most) and (more_than is None or value > more_than)
