"""What do DM and DS say? Who was enrolled, whose treatment or participation ended, who died, who was seen alive.

DM gives one fact per participant: the enrolment. The milestones of DS are merged into it. Whoever was never assigned to
a group was never enrolled. A death is one fact, however many rows state it: that of DS where DS states it, else DM's.
"""

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

NEVER_ASSIGNED = frozenset({"SCRNFAIL", "SCRNFAILURE", "SCREEN FAILURE", "NOTASSGN", "NOT ASSIGNED"})
"""ARMCD or ARMNRS of somebody who never came into a group (SDTMIG 3.2 and 3.3)."""

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


MILESTONE = "PROTOCOL MILESTONE"
CONSENT = "INFORMED CONSENT OBTAINED"
DEATH = "DEATH"


@dataclass(frozen=True, slots=True)
class Population:
    """Who is in the trial, and who never was."""

    told: tuple[Told, ...]
    enrolled: Mapping[str, datetime]
    never_enrolled: frozenset[str]


def population(study: Study, folder: Folder) -> Population:
    """The enrolments, before anything else is told, with the milestones of DS merged into them."""
    consents = _consents(folder)
    told = one_by_one(study, folder.rows("dm"), lambda _, row: _enrolment(row, consents), _enrolment_of)
    enrolled = {record.removesuffix("/DM"): item.at for record, item in told.items() if isinstance(item, Message)}
    for row in _of_kind(folder, MILESTONE):
        enrolment = told.get(_enrolment_of(row))
        if isinstance(enrolment, Message):
            told[_enrolment_of(row)] = enrolment.with_rows([place(row)])
        else:
            told[row.address] = unusable(row, "USUBJID", "the participant was never enrolled (DM)")
    never = (row.get("USUBJID") for row in folder.rows("dm") if never_assigned(row))
    never_enrolled = frozenset(subject for subject in never if subject is not None and subject not in enrolled)
    return Population(tuple(told.values()), enrolled, never_enrolled)


def dispositions(study: Study, folder: Folder) -> Iterator[Told]:
    """What DS says beside milestones and deaths."""
    return iter(one_by_one(study, _of_kind(folder, None), disposition).values())


def deaths(study: Study, folder: Folder) -> Iterator[Told]:
    """One fact per death. AE tells of what somebody died: an event that was fatal."""
    by_adverse_event = fatal_to(folder)
    stated = {row.values["USUBJID"]: row for row in folder.rows("dm") if _states_death(study, row)}
    rows: dict[str, list[Row]] = {subject: [] for subject in stated}
    for row in _of_kind(folder, DEATH):
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
        return Said("SurvivalConfirmed.v1", when.instant, {"alive_on": when.said})
    if row.code("DSCAT") not in (None, "DISPOSITION EVENT"):
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
        return Said(
            "ParticipantWithdrew.v1", when.instant, {"withdrew_on": when.said, "cause": cause, "comment": comment}
        )
    return Said("TreatmentEnded.v1", when.instant, {"ended_on": when.said, "cause": cause})


def _enrolment(row: Row, consents: Mapping[str, str]) -> Said | Unusable:
    if never_assigned(row):
        return unusable(row, "ARMCD", "never assigned to a group (a screening failure): never enrolled")
    if (group := row.get("ARMCD")) is None:
        return unusable(row, "ARMCD", "no group")
    if (enrolled_on := _enrolled_on(row, consents.get(row.values["USUBJID"]))) is None:
        return unusable(row, "RFSTDTC", "no whole day of consent, of demographics or of the first dose")
    age = row.get("AGE") if row.code("AGEU") == "YEARS" else None
    return Said(
        "ParticipantEnrolled.v1",
        enrolled_on.instant,
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
    said = Said("ParticipantDied.v1", died.instant, {"died_on": died.said, "cause": cause})
    if agreeing:
        first, *others = agreeing
        yield message(study, first, numbered(first) or _death_of(first), said).with_rows(map(place, others))
    elif stated is not None:
        yield replace(message(study, stated, _death_of(stated), said), rows=())


def _states_death(study: Study, row: Row) -> bool:
    return outside(study, row) is None and (row.code("DTHFL") == "Y" or row.get("DTHDTC") is not None)


def _death_of(row: Row) -> str:
    return f"{row.values['USUBJID']}/{row.domain.upper()}/death"


def _enrolment_of(row: Row) -> str:
    """The name of an enrolment: DM has one row per participant, and no number."""
    return f"{row.get('USUBJID')}/DM"


def _of_kind(folder: Folder, kind: str | None) -> Iterator[Row]:
    """The rows of DS that are milestones, deaths, or (None) neither."""
    for row in folder.rows("ds"):
        if kind == (DEATH if row.code("DSDECOD") == DEATH else MILESTONE if row.code("DSCAT") == MILESTONE else None):
            yield row


def _consents(folder: Folder) -> dict[str, str]:
    rows = (row for row in folder.rows("ds") if row.code("DSDECOD") == CONSENT)
    return {row.values["USUBJID"]: date for row in rows if row.get("USUBJID") and (date := row.get("DSSTDTC"))}
