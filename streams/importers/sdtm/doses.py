"""What do the rows of EX say? One dose, or one course of the same daily dose, each."""

import re

from streams.importers.sdtm.dates import moment
from streams.importers.sdtm.messages import Said, Study, Unusable, unusable
from streams.importers.sdtm.results import plain
from streams.importers.sdtm.tables import Row

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._:/#@+-]+")


def dose(study: Study, row: Row) -> Said | Unusable:
    """One row of exposure. Where the protocol knows the drug it is called as there, in whatever case EX writes it."""
    if row.code("EXOCCUR") == "N" or row.code("EXSTAT") == "NOT DONE":
        return unusable(row, "EXOCCUR", "the dose was not given, and no reason is coded")
    if (drug := row.get("EXTRT")) is None:
        return unusable(row, "EXTRT", "no treatment")
    if (given := plain(row.get("EXDOSE"))) is None:
        return unusable(row, "EXDOSE", "no dose as a number")
    if (measured_in := row.get("EXDOSU")) is None:
        return unusable(row, "EXDOSU", "no unit")
    if (started := moment(row.get("EXSTDTC"))) is None:
        return unusable(row, "EXSTDTC", "no usable date")
    ended = moment(row.get("EXENDTC"))
    return Said(
        "DoseGiven.v1",
        started,
        {
            "drug": study.drugs.get(drug.upper(), drug),
            "started": started.said,
            "ended": ended.said if ended else None,
            "given": given,
            "unit": measured_in,
            "cycle": _cycle(row.get("VISIT")),
        },
        over=ended,
    )


def _cycle(visit: str | None) -> str | None:
    """The visit's name without the characters that a name of one word cannot have: `WEEK 2` is `WEEK-2`."""
    return None if visit is None else NOT_IN_A_NAME.sub("-", visit).strip("-") or None
