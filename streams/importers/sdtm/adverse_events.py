"""What do the rows of AE say? One event each, as it stands: contradictions too, for the monitor asks about them.

Code lists: severity AESEV (C66769), outcome OUT (C66768), action taken ACN (C66767); causality as sponsors write it.
A code outside these lists makes the row unusable: an event is not half understood.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.facts.adverse_events import ANY_DRUG
from streams.importers.sdtm.dates import moment
from streams.importers.sdtm.messages import (
    Message,
    Said,
    Study,
    Told,
    Unusable,
    label,
    one_by_one,
    outside,
    place,
    unusable,
)
from streams.importers.sdtm.tables import Folder, Row

SEVERITIES = {"MILD": "mild", "MODERATE": "moderate", "SEVERE": "severe", "FATAL": "fatal"}
OUTCOMES = {
    "RECOVERED/RESOLVED": "recovered",
    "RECOVERED/RESOLVED WITH SEQUELAE": "recovered_with_sequelae",
    "RECOVERING/RESOLVING": "recovering",
    "NOT RECOVERED/NOT RESOLVED": "not_recovered",
    "FATAL": "fatal",
    "UNKNOWN": "unknown",
}
RELATIONS = {
    "RELATED": "related",
    "DEFINITE": "related",
    "Y": "related",
    "PROBABLE": "probable",
    "PROBABLY RELATED": "probable",
    "POSSIBLE": "possible",
    "POSSIBLY RELATED": "possible",
    "REMOTE": "unlikely",
    "UNLIKELY": "unlikely",
    "UNLIKELY RELATED": "unlikely",
    "NONE": "not_related",
    "NOT RELATED": "not_related",
    "UNRELATED": "not_related",
    "N": "not_related",
}
ACTIONS = {
    "DOSE NOT CHANGED": "none",
    "DRUG INTERRUPTED": "interrupted",
    "DOSE REDUCED": "reduced",
    "DOSE RATE REDUCED": "rate_reduced",
    "DRUG WITHDRAWN": "stopped",
    "UNKNOWN": "unknown",
    "NOT APPLICABLE": "not_applicable",
}
CRITERIA = {
    "AESDTH": "death",
    "AESLIFE": "life_threatening",
    "AESHOSP": "hospitalisation",
    "AESDISAB": "disability",
    "AESCONG": "congenital_anomaly",
    "AESMIE": "other_important",
}
"""The six criteria of ICH E2A II.B. AESCAN (cancer) and AESOD (overdose) are flags of SDTM but no criteria of it."""

YES_OR_NO = {"Y": True, "N": False}
GRADES = {str(grade): grade for grade in range(1, 6)}
CODED: Mapping[str, Mapping[str, Any]] = {
    "AESEV": SEVERITIES,
    "AETOXGR": GRADES,
    "AEOUT": OUTCOMES,
    "AEREL": RELATIONS,
    "AEACN": ACTIONS,
    "AESER": YES_OR_NO,
}


def adverse_events(study: Study, folder: Folder) -> Iterator[Told]:
    """The events of AE, with the rows of SUPPAE that belong to each."""
    told = one_by_one(study, folder.rows("ae"), adverse_event)
    for row in folder.rows("suppae"):
        event = told.get(_event_of(row))
        if isinstance(event, Message):
            told[_event_of(row)] = event.with_rows([place(row)])
        else:
            told[row.address] = outside(study, row) or _belongs_nowhere(row)
    return iter(told.values())


def adverse_event(study: Study, row: Row) -> Said | Unusable:
    """One adverse event. It happened at its onset, and was told when it was reported (AEDTC), if that was later.

    It was over at its end; a fatal one that names none, with the participant's death.
    """
    if (term := row.get("AEDECOD") or row.get("AETERM")) is None:
        return unusable(row, "AEDECOD", "no term")
    for variable, codes in CODED.items():
        if (code := row.code(variable)) is not None and code not in codes:
            return unusable(row, variable, "a code that is not in the list")
    onset, end, reported = (moment(row.get(name)) for name in ("AESTDTC", "AEENDTC", "AEDTC"))
    if (time := onset or reported) is None:
        return unusable(row, "AESTDTC", "no usable date")
    data = _judged(row) | {
        "term": term,
        "system_organ_class": label(row.get("AEBODSYS")),
        "verbatim": row.get("AETERM"),
        "onset": onset.said if onset else None,
        "end": end.said if end else None,
        "criteria": [name for flag, name in CRITERIA.items() if row.code(flag) == "Y"],
    }
    over = end or (study.died.get(row.values["USUBJID"]) if _is_fatal(row) else None)
    return Said("AdverseEventReported.v2", time, data, reported, over)


def fatal_to(folder: Folder) -> frozenset[str]:
    """The participants of whom AE says that an event was fatal, or resulted in death."""
    fatal = filter(_is_fatal, folder.rows("ae"))
    return frozenset(subject for row in fatal if (subject := row.get("USUBJID")) is not None)


def _is_fatal(row: Row) -> bool:
    return row.code("AEOUT") == "FATAL" or row.code("AESDTH") == "Y"


def _judged(row: Row) -> dict[str, Any]:
    """How bad it was, what came of it, and what caused it. A causality that is not given is not listed."""
    said = {variable: codes.get(row.code(variable) or "") for variable, codes in CODED.items()}
    relation, action = said["AEREL"], said["AEACN"]
    return {
        "grade": said["AETOXGR"],
        "severity": said["AESEV"],
        "outcome": said["AEOUT"],
        "serious": said["AESER"],
        "causality": [{"drug": ANY_DRUG, "investigator": relation}] if relation else None,
        "actions": [{"drug": ANY_DRUG, "action": action}] if action else None,
    }


def _event_of(row: Row) -> str:
    """The event that a row of SUPPAE speaks of; no event has the name that is left where it names none."""
    if row.code("RDOMAIN") != "AE" or row.code("IDVAR") != "AESEQ":
        return ""
    return f"{row.get('USUBJID')}/AE/{row.get('IDVARVAL')}"


def _belongs_nowhere(row: Row) -> Unusable:
    return unusable(row, "IDVARVAL", "no adverse event with this number became a fact")
