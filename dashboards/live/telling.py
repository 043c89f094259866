"""What does a fact say, in one line? For the time line of a participant; free text is never quoted."""

from collections.abc import Callable
from typing import Any

from dashboards.live.words import day, plain

Data = dict[str, Any]


def tell(fact: str, data: Data) -> str:
    """One fact as a line that a physician can read."""
    telling = TELLINGS.get(fact)
    return telling(data) if telling else plain_name(fact)


def plain_name(fact: str) -> str:
    """The name of a fact as words: DataCutDeclared → Data cut declared."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in fact).strip()
    return words[:1].upper() + words[1:]


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _enrolled(data: Data) -> str:
    ecog = f"ECOG {data['ecog']}" if "ecog" in data else None
    age = f"age {data['age']}" if "age" in data else None
    sex = data.get("sex") if data.get("sex") != "unknown" else None
    return _joined(f"Enrolled into group {data['group']} at site {data['site']}", sex, age, ecog)


def _screened(data: Data) -> str:
    cause = f"because of {plain(data['cause'])}" if "cause" in data else None
    return _joined(f"Screened: {plain(data['outcome'])}", cause)


def _dose(data: Data) -> str:
    planned = data.get("planned")
    other = f"planned {planned} {data['unit']}" if planned is not None and planned != data["given"] else None
    reason = f"because of {plain(data['reason'])}" if "reason" in data else None
    interrupted = "interrupted" if data.get("interrupted") else None
    return _joined(f"{data['drug']} {data['given']} {data['unit']} given", other, interrupted, reason)


def _lab(data: Data) -> str:
    operator = data.get("operator", "=")
    value = f"{'' if operator == '=' else operator}{data.get('value') or data.get('coded')}"
    lower, upper = data.get("lower_limit"), data.get("upper_limit")
    limits = f" (limits {lower or '?'} to {upper or '?'})" if lower or upper else " (no limits)"
    return f"{data['analyte']} {value} {data.get('unit') or '(no unit)'}{limits}"


def _vital(data: Data) -> str:
    return f"{data['sign']} {data['value']} {data.get('unit') or '(no unit)'}"


def _event(data: Data) -> str:
    grade = f"grade {data['grade']}" if "grade" in data else None
    severity = data.get("severity")
    ungraded = _joined(severity, "no CTCAE grade") if grade is None else None
    serious = "serious" + (f" ({', '.join(map(plain, data['criteria']))})" if data.get("criteria") else "")
    judged = [
        f"{'study treatment' if said['drug'] == '*' else said['drug']}: "
        + (" / ".join(plain(said[who]) for who in ("investigator", "sponsor") if who in said) or "not judged")
        for said in data.get("causality", ())
    ]
    causality = "related to " + "; ".join(judged) if judged else "causality not yet given"
    outcome = plain(data["outcome"]) if data.get("outcome", "unknown") != "unknown" else None
    onset = f"onset {day(data['onset'])}" if "onset" in data else "onset unknown"
    return _joined(data["term"], grade or ungraded, onset, serious if data.get("serious") else None, causality, outcome)


def _scan(data: Data) -> str:
    which = "Baseline scan" if data.get("baseline") else "Scan"
    new = "new lesion" if data.get("new_lesion") == "yes" else None
    return _joined(f"{which} read by {data['reader']}: {data.get('overall') or 'no overall call'}", new)


def _medication(data: Data) -> str:
    return f"{data['name']} taken ({plain(data['purpose'])})"


TELLINGS: dict[str, Callable[[Data], str]] = {
    "ParticipantScreened": _screened,
    "ParticipantEnrolled": _enrolled,
    "DoseGiven": _dose,
    "DoseOmitted": lambda data: f"{data['drug']} left out because of {plain(data['reason'])}",
    "LabResulted": _lab,
    "VitalSignMeasured": _vital,
    "AdverseEventReported": _event,
    "TumourAssessed": _scan,
    "MedicationTaken": _medication,
    "TreatmentEnded": lambda data: f"{data.get('drug') or 'All study treatment'} ended: {plain(data['cause'])}",
    "ParticipantDied": lambda data: f"Died on {day(data['died_on'])}, cause: {plain(data['cause'])}",
    "ParticipantWithdrew": lambda data: f"Left the trial: {plain(data['cause'])}",
    "SurvivalConfirmed": lambda data: f"Known to be alive on {day(data['alive_on'])}",
    "NewTherapyStarted": lambda data: f"New anticancer therapy began: {data.get('therapy') or 'not named'}",
    "ProtocolAdopted": lambda _: "A protocol came into force",
    "ClockTicked": lambda _: "Time passed",
    "DataCutDeclared": lambda data: f"Data cut “{data['name']}”, happened by {day(data['happened_by'])}",
    "RecordWithdrawn": lambda _: "Record withdrawn",
}
