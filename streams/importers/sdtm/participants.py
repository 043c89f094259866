"""What do DM and DS say? Who was enrolled, whose treatment or participation ended, who died, who was seen alive.

DM gives one fact per participant: the enrolment. The milestones of DS are merged into it. Whoever was never assigned to
a group was never enrolled. A death is one fact, however many rows state it: that of DS where DS states it, else DM's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from streams.importers.sdtm.adverse_events import fatal_to
from streams.importers.sdtm.dates import Moment, moment
from streams.importers.sdtm.messages import (
    Message,
    Said,
    Study,
    Told,
    Unusable,
    message,
    one_by_one,
    outside,
    place,
    unusable,
)
from streams.importers.sdtm.tables import Folder, Row, Table

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


@dataclass(frozen=True, slots=True)
class Population:
    """Who is in the trial, and who never was."""

    told: tuple[Told, ...]
    enrolled: Mapping[str, datetime]
    never_enrolled: frozenset[str]


def population(study: Study, folder: Folder) -> Population:
    """The enrolments, before anything else is told."""
    milestones = _milestones(folder)
    told: dict[str, Told] = {}
    enrolled: dict[str, datetime] = {}
    never: set[str] = set()
    table = folder.tables.get("dm")
    for row in folder.rows("dm"):
        made = _enrolment(study, row, milestones.get(row.get("USUBJID") or "", []))
        subject = row.get("USUBJID") or ""
        first = told.get(subject)
        if isinstance(made, Message) and isinstance(first, Message) and table and _repeats(table, first, row):
            told[subject] = first.repeated_by(row)
            continue
        told[subject if first is None else row.address] = made
        if isinstance(made, Message):
            enrolled.setdefault(subject, made.at)
        elif made.path == "ARMCD":
            never.add(subject)
    return Population(tuple(told.values()), enrolled, frozenset(never - enrolled.keys()))


def dispositions(study: Study, folder: Folder) -> Iterator[Told]:
    """What DS says beside milestones and deaths, and milestones of participants whom DM does not enrol."""
    taken = {number for rows in _milestones(folder).values() for number in _numbers(study, rows)}
    table = folder.tables.get("ds")
    if table is None:
        return
    for told in one_by_one(study, table, disposition).values():
        row = table.row((told.rows[0] if isinstance(told, Message) else told.row).number)
        if row.number not in taken and not (row.code("DSDECOD") == "DEATH" and outside(study, row) is None):
            yield told


def deaths(study: Study, folder: Folder) -> Iterator[Told]:
    """One fact per death."""
    by_adverse_event = fatal_to(folder)
    stated = {row.values["USUBJID"]: row for row in folder.rows("dm") if _states_death(row) and row.get("USUBJID")}
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in folder.rows("ds"):
        if row.code("DSDECOD") == "DEATH" and outside(study, row) is None:
            rows[row.values["USUBJID"]].append(row)
    for subject in dict.fromkeys([*stated, *rows]):
        if subject not in study.never_enrolled:
            cause = "adverse_event" if subject in by_adverse_event else "unknown"
            yield from _death(study, stated.get(subject), rows[subject], cause)


def disposition(_: Study, row: Row) -> Said | Unusable:
    """The end of treatment or of participation, or a day on which the participant was seen alive."""
    if (code := row.code("DSDECOD")) is None:
        return unusable(row, "DSDECOD", "no event")
    if (at := moment(row.get("DSSTDTC")) or moment(row.get("DSDTC"))) is None:
        return unusable(row, "DSSTDTC", "no usable date")
    if code in SEEN_ALIVE:
        return Said("SurvivalConfirmed.v1", at.instant, {"alive_on": at.said})
    if row.code("DSCAT") not in (None, "DISPOSITION EVENT"):
        return unusable(row, "DSDECOD", "a milestone or event that no fact speaks of")
    cause = CAUSES.get(code, "other")
    if cause in LEFT:
        comment = row.get("DSTERM")
        return Said("ParticipantWithdrew.v1", at.instant, {"withdrew_on": at.said, "cause": cause, "comment": comment})
    return Said("TreatmentEnded.v1", at.instant, {"ended_on": at.said, "cause": cause})


def _enrolment(study: Study, row: Row, milestones: list[Row]) -> Told:
    """The enrolment of one participant.

    The day is that of informed consent (RFICDTC); without it, of the demographic data (DMDTC), which are taken at
    screening; without it, of the first treatment (RFSTDTC). Milestones of DS are merged: they say the same.
    """
    if (subject := row.get("USUBJID")) is None:
        return unusable(row, "USUBJID", "no participant")
    group = row.get("ARMCD")
    if group is None or {row.code("ARMCD"), row.code("ARMNRS")} & NEVER_ASSIGNED:
        return unusable(row, "ARMCD", "never enrolled: assigned to no group")
    at = _first_day(row, ("RFICDTC", "DMDTC", "RFSTDTC"))
    if at is None:
        return unusable(row, "DMDTC", "no day of consent, screening or first treatment")
    age = row.get("AGE")
    data: dict[str, Any] = {
        "enrolled_on": at.said[:10],
        "group": group,
        "site": row.get("SITEID") or "unknown",
        "sex": SEXES.get(row.code("SEX") or "", "unknown"),
        "age": int(age) if age is not None and age.isdigit() and row.code("AGEU") in (None, "YEARS") else None,
    }
    made = message(study, row, f"{subject}/DM", Said("ParticipantEnrolled.v1", at.instant, data))
    return made.with_rows(place(milestone) for milestone in milestones)


def _first_day(row: Row, variables: tuple[str, ...]) -> Moment | None:
    for variable in variables:
        at = moment(row.get(variable))
        if at is not None and len(at.said) >= 10:
            return at
    return None


def _milestones(folder: Folder) -> Mapping[str, list[Row]]:
    """The rows of DS that say no more than DM: randomised, enrolled, consented."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in folder.rows("ds"):
        if row.code("DSCAT") == "PROTOCOL MILESTONE" and row.get("USUBJID") is not None:
            found[row.values["USUBJID"]].append(row)
    return found


def _numbers(study: Study, rows: list[Row]) -> Iterator[int]:
    """The rows that went into an enrolment."""
    return (row.number for row in rows if row.values["USUBJID"] in study.enrolled)


def _repeats(table: Table, first: Message, row: Row) -> bool:
    return table.row(first.rows[0].number).values == row.values


def _states_death(row: Row) -> bool:
    return row.code("DTHFL") == "Y" or row.get("DTHDTC") is not None


def _death(study: Study, stated: Row | None, rows: list[Row], cause: str) -> Iterator[Told]:
    """One death: told by DS where DS has it, the row of DM is counted as the enrolment already."""
    row = rows[0] if rows else stated
    if row is None:
        return
    at = moment(stated.get("DTHDTC")) if stated is not None else None
    at = at or moment(row.get("DSSTDTC")) or moment(row.get("DSDTC"))
    if at is None:
        if rows:
            yield from (unusable(one, "DSSTDTC", "a death without a usable date") for one in rows)
        return
    said = Said("ParticipantDied.v1", at.instant, {"died_on": at.said, "cause": cause})
    made = message(study, row, f"{row.values['USUBJID']}/DEATH", said)
    yield replace(made, rows=tuple(place(one) for one in rows))
