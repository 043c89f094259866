"""Who is in the trial? Everybody enrolled at the cut, in order of enrolment."""

from typing import Any

from dashboards.live.frame import Frame
from dashboards.live.words import DOSE_STATE, day, plain
from dashboards.panels import Row
from dashboards.panels.dosing import DOSE_STATES
from dashboards.panels.participants import LIST, SCREENING


def participants(framed: Frame) -> dict[str, Any]:
    """The list, and how many failed screening."""
    told, screened, states = framed.ask(LIST), framed.ask(SCREENING), framed.ask(DOSE_STATES)
    rows = [listed(framed, row) for row in told()]
    return {
        "participants": rows,
        "description": LIST.description,
        "screening": screened()[0],
        "dose_states": [row | {"who": row["who"].split(", "), "word": DOSE_STATE[row["action"]]} for row in states()],
        "about_dose_states": DOSE_STATES.description,
    }


def listed(framed: Frame, row: Row) -> Row:
    """One participant, with the group's name and where the participant stands."""
    status, detail = _status(row)
    ending = framed.rules_that_only_end
    return row | {
        "group_name": framed.group_name(row["scope"]),
        "status": status,
        "status_detail": detail,
        "rules": [rule for rule in row["rules"] if rule not in ending],
        "ending": [rule for rule in row["rules"] if rule in ending],
    }


def _status(row: Row) -> tuple[str, str]:
    """Where a participant stands, in words: the last thing that can be said."""
    if row["died_on"]:
        return "died", f"{day(row['died_on'])}, {plain(row['death_cause'])}"
    if row["withdrew_on"]:
        return "left the trial", day(row["withdrew_on"])
    if row["ended_on"]:
        return "treatment ended", f"{day(row['ended_on'])}, {plain(row['end_cause'])}"
    return ("on treatment", "") if row["first_dose"] else ("not yet treated", "")
