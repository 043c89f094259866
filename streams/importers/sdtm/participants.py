"""What do DM and DS say? Who was enrolled, whose treatment or participation ended, who died, who was seen alive.

DM gives one fact per person: the enrolment, with the milestones of DS merged into it; of whoever was never assigned to
a group the screening, with everything that DS says of how it ended. A death is one fact, however many rows state it:
that of DS where DS states it, else DM's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from streams.importers.sdtm.adverse_events import fatal_to
from streams.importers.sdtm.dates import Moment, moment
from streams.importers.sdtm.messages import (
    Message,
    Said,
    Study,
    Told,
    Unusable,
    message,
    numbered,
    one_by_one,
    outside,
    place,
    unusable,
)
from streams.importers.sdtm.tables import Folder, Row

NEVER_ASSIGNED = {
    "SCRNFAIL": "failed",
    "SCRNFAILURE": "failed",
    "SCREEN FAILURE": "failed",
    "NOTASSGN": "not_enrolled",
    "NOT ASSIGNED": "not_enrolled",
}
"""ARMCD or ARMNRS of somebody who never came into a group (SDTMIG 3.2 and 3.3), and what came of the screening."""

SCREENING_CAUSES = {
    "INCLUSION/EXCLUSION CRITERIA NOT MET": "criteria_not_met",
    "ELIGIBILITY CRITERIA NOT MET": "criteria_not_met",
    "WITHDRAWAL BY SUBJECT": "withdrawal_of_consent",
    "WITHDRAWAL BY PARENT/GUARDIAN": "withdrawal_of_consent",
    "LOST TO FOLLOW-UP": "lost_to_follow_up",
    "PHYSICIAN DECISION": "investigator_decision",
    "OTHER": "other",
}
"""Why a screening failed, by DSDECOD. `SCREEN FAILURE` says that it failed, and not why."""

SEXES = {"F": "female", "M": "male"}
"""CDISC code list SEX (C66731); anything else is unknown."""

CAUSES = {
    "COMPLETED": "completed",
    "PROGRESSIVE DISEASE": "progression",
    "DISEASE PROGRESSION": "progression",
    "ADVERSE EVENT": "adverse_event",
    "WITHDRAWAL BY SUBJECT": "withdrawal_of_consent",
    "WITHDRAWAL BY PARENT/GUARDIAN": "withdrawal_of_consent",
    "LOST TO FOLLOW-UP": "lost_to_follow_up",
    "PHYSICIAN DECISION": "investigator_decision",
    "PROTOCOL VIOLATION": "protocol_violation",
    "PROTOCOL DEVIATION": "protocol_violation",
    "STUDY TERMINATED BY SPONSOR": "sponsor_decision",
    "SITE TERMINATED BY SPONSOR": "sponsor_decision",
}
"""CDISC code list NCOMPLT (C66727). It may be extended: any other code is another cause."""

LEFT = frozenset({"withdrawal_of_consent", "lost_to_follow_up"})
"""Causes that end not only treatment but participation."""

SEEN_ALIVE = frozenset({"FINAL LAB VISIT", "FINAL RETRIEVAL VISIT", "LAST KNOWN ALIVE", "ALIVE"})
"""Events of DS at which the participant was there, or said to be alive."""


MILESTONE, DISPOSITION = "PROTOCOL MILESTONE", "DISPOSITION EVENT"
CONSENT = "INFORMED CONSENT OBTAINED"
DEATH = "DEATH"
SCREENING = "SCREENING"


@dataclass(frozen=True, slots=True)
class Population:
    """Who is in the trial, and who never was."""

    told: tuple[Told, ...]
    enrolled: Mapping[str, datetime]
    never_enrolled: frozenset[str]
    died: Mapping[str, Moment]


def population(study: Study, folder: Folder) -> Population:
    """The enrolments and screenings, before anything else is told, with the rows of DS that are merged into them."""
    course = _course(folder)

    def say(_: Study, row: Row) -> Said | Unusable:
        return _person(row, course.get(row.values["USUBJID"], []))

    told = one_by_one(study, folder.rows("dm"), say, _record_of)
    made = {record: item.at for record, item in told.items() if isinstance(item, Message)}
    enrolled = {record.removesuffix("/DM"): at for record, at in made.items() if record.endswith("/DM")}
    never = (row.get("USUBJID") for row in folder.rows("dm") if never_assigned(row))
    never_enrolled = frozenset(subject for subject in never if subject is not None and subject not in enrolled)
    for row in folder.rows("ds"):
        if _kind(row, never_enrolled) in (MILESTONE, SCREENING):
            record = f"{row.get('USUBJID')}/DM" + ("/screening" if row.get("USUBJID") in never_enrolled else "")
            person, refused = told.get(record), outside(study, row)
            if refused is None and isinstance(person, Message):
                told[record] = person.with_rows([place(row)])
            else:
                told[row.address] = refused or unusable(row, "USUBJID", "the participant was never enrolled (DM)")
    return Population(tuple(told.values()), enrolled, never_enrolled, _died(folder))


def _died(folder: Folder) -> Mapping[str, Moment]:
    """When participants died: as DM says, else DS."""
    stated = [(row, "DTHDTC") for row in folder.rows("dm")]
    stated += [(row, "DSSTDTC") for row in folder.rows("ds") if row.code("DSDECOD") == DEATH]
    died: dict[str, Moment] = {}
    for row, variable in stated:
        if (subject := row.get("USUBJID")) and (day := moment(row.get(variable))):
            died.setdefault(subject, day)
    return died


def dispositions(study: Study, folder: Folder) -> Iterator[Told]:
    """What DS says of participants beside milestones and deaths."""
    return iter(one_by_one(study, _of_kind(study, folder, None), disposition).values())


def deaths(study: Study, folder: Folder) -> Iterator[Told]:
    """One fact per death. AE tells of what somebody died: an event that was fatal."""
    by_adverse_event = fatal_to(folder)
    stated = {row.values["USUBJID"]: row for row in folder.rows("dm") if _states_death(study, row)}
    rows: dict[str, list[Row]] = {subject: [] for subject in stated}
    for row in _of_kind(study, folder, DEATH):
        if (refused := outside(study, row)) is not None:
            yield refused
        else:
            rows.setdefault(row.values["USUBJID"], []).append(row)
    for subject, said in rows.items():
        cause = "adverse_event" if subject in by_adverse_event else "unknown"
        yield from _death(study, stated.get(subject), said, cause)


def disposition(_: Study, row: Row) -> Said | Unusable:
    """One event of DS: the end of treatment or of participation, or a visit at which the participant was seen."""
    if (code := row.code("DSDECOD")) is None:
        return unusable(row, "DSDECOD", "no event")
    if (when := moment(row.get("DSSTDTC"))) is None:
        return unusable(row, "DSSTDTC", "no usable date")
    if code in SEEN_ALIVE:
        return Said("SurvivalConfirmed.v1", when, {"alive_on": when.said})
    if row.code("DSCAT") not in (None, DISPOSITION):
        return unusable(row, "DSDECOD", "no fact says this event")
    return _end(row, when, CAUSES.get(code, "other"))


def never_assigned(row: Row) -> bool:
    """Whether DM says that a participant never came into a group, such as a screening failure."""
    return row.code("ARMCD") in NEVER_ASSIGNED or row.code("ARMNRS") in NEVER_ASSIGNED


def _end(row: Row, when: Moment, cause: str) -> Said:
    """DSSCAT says what ended. Without it a disposition ends treatment, and those who left ended participation too."""
    what = row.code("DSSCAT") or ""
    if "TREATMENT" not in what and (cause in LEFT or "PARTICIPATION" in what):
        term = row.get("DSTERM")
        comment = term if row.code("DSTERM") != row.code("DSDECOD") else None
        return Said("ParticipantWithdrew.v1", when, {"withdrew_on": when.said, "cause": cause, "comment": comment})
    return Said("TreatmentEnded.v1", when, {"ended_on": when.said, "cause": cause})


def _person(row: Row, course: list[Row]) -> Said | Unusable:
    """What DM says of one person, beside that person's rows of DS."""
    consent = next((date for one in course if one.code("DSDECOD") == CONSENT and (date := one.get("DSSTDTC"))), None)
    return _screening(row, course, consent) if never_assigned(row) else _enrolment(row, consent)


def _screening(row: Row, course: list[Row], consent: str | None) -> Said | Unusable:
    """The screening of somebody who did not come in: from consent to the day on which DS says how it ended."""
    endings = [one for one in course if one.code("DSCAT") in (None, DISPOSITION)]
    decided = next((day for one in endings if (day := moment(one.get("DSSTDTC")))), None)
    days = (moment(text) for text in (row.get("RFICDTC"), consent, row.get("DMDTC")))
    if (began := next(filter(None, days), decided)) is None:
        return unusable(row, "DMDTC", "no usable date of the screening")
    causes = (SCREENING_CAUSES.get(one.code("DSDECOD") or "") for one in endings)
    return Said(
        "ParticipantScreened.v1",
        began,
        {
            "screened_on": began.said,
            "outcome": NEVER_ASSIGNED.get(row.code("ARMCD") or "") or NEVER_ASSIGNED[row.code("ARMNRS") or ""],
            "decided_on": decided.said if decided else None,
            "cause": next(filter(None, causes), None),
            "site": row.get("SITEID"),
        },
        decided,
    )


def _enrolment(row: Row, consent: str | None) -> Said | Unusable:
    if (group := row.get("ARMCD")) is None:
        return unusable(row, "ARMCD", "no group")
    if (enrolled_on := _enrolled_on(row, consent)) is None:
        return unusable(row, "RFSTDTC", "no whole day of consent, of demographics or of the first dose")
    age = row.get("AGE") if row.code("AGEU") == "YEARS" else None
    return Said(
        "ParticipantEnrolled.v1",
        enrolled_on,
        {
            "enrolled_on": enrolled_on.said,
            "group": group,
            "site": row.get("SITEID"),
            "sex": SEXES.get(row.code("SEX") or "", "unknown"),
            "age": int(age) if age is not None and age.isdecimal() else None,
        },
    )


def _enrolled_on(row: Row, consent: str | None) -> Moment | None:
    """The day of informed consent; where nobody gives it, that of DM (DMDTC) or of the first dose, the earlier one."""
    for candidates in ((row.get("RFICDTC"),), (consent,), (row.get("DMDTC"), row.get("RFSTDTC"))):
        days = [day for text in candidates if text and len(text) >= 10 and (day := moment(text[:10]))]
        if days:
            return min(days, key=lambda day: day.instant)
    return None


def _death(study: Study, stated: Row | None, rows: list[Row], cause: str) -> Iterator[Told]:
    """The death of one participant, of the date that DM gives, else DS. A row of DS with another date is no fact."""
    texts = [stated.get("DTHDTC") if stated else None, *(row.get("DSSTDTC") for row in rows)]
    died = next((day for text in texts if (day := moment(text)) is not None), None)
    if died is None:
        yield from (unusable(row, "DSSTDTC", "no usable date of death") for row in rows)
        return
    agreeing = [row for row in rows if row.get("DSSTDTC") is None or moment(row.get("DSSTDTC")) == died]
    yield from (unusable(row, "DSSTDTC", "another date of death than in DM") for row in rows if row not in agreeing)
    said = Said("ParticipantDied.v1", died, {"died_on": died.said, "cause": cause})
    if agreeing:
        first, *others = agreeing
        yield message(study, first, numbered(first) or _death_of(first), said).with_rows(map(place, others))
    elif stated is not None:
        yield replace(message(study, stated, _death_of(stated), said), rows=())


def _states_death(study: Study, row: Row) -> bool:
    return outside(study, row) is None and (row.code("DTHFL") == "Y" or row.get("DTHDTC") is not None)


def _death_of(row: Row) -> str:
    return f"{row.values['USUBJID']}/{row.domain.upper()}/death"


def _record_of(row: Row) -> str:
    """The name of an enrolment or of a screening: DM has one row per person, and no number."""
    return f"{row.get('USUBJID')}/DM" + ("/screening" if never_assigned(row) else "")


def _kind(row: Row, never_enrolled: frozenset[str]) -> str | None:
    """What a row of DS is: a death, a milestone, the end of a screening, or (None) the course of a participant."""
    if row.code("DSDECOD") == DEATH:
        return DEATH
    if row.code("DSCAT") == MILESTONE:
        return MILESTONE
    return SCREENING if row.get("USUBJID") in never_enrolled and row.code("DSCAT") in (None, DISPOSITION) else None


def _of_kind(study: Study, folder: Folder, kind: str | None) -> Iterator[Row]:
    return (row for row in folder.rows("ds") if _kind(row, study.never_enrolled) == kind)


def _course(folder: Folder) -> Mapping[str, list[Row]]:
    """The rows of DS by participant."""
    course: dict[str, list[Row]] = defaultdict(list)
    for row in folder.rows("ds"):
        if (subject := row.get("USUBJID")) is not None:
            course[subject].append(row)
    return course
