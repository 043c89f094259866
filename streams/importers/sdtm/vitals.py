"""What do the rows of VS say? One measurement each, in the unit in which it was reported."""

from streams.importers.sdtm.dates import moment
from streams.importers.sdtm.messages import Said, Study, Unusable, label, unusable
from streams.importers.sdtm.results import plain, unit
from streams.importers.sdtm.tables import Row

POSITIONS = {"STANDING": "standing", "SITTING": "sitting", "SUPINE": "supine"}
"""CDISC code list POSITION (C71148), as far as a fact can say it."""


def vital_sign(_: Study, row: Row) -> Said | Unusable:
    """One vital sign."""
    if row.code("VSSTAT") == "NOT DONE":
        return unusable(row, "VSSTAT", "the measurement was not done")
    if (sign := row.code("VSTESTCD")) is None:
        return unusable(row, "VSTESTCD", "no test")
    result, measured_in = row.get("VSORRES"), row.get("VSORRESU")
    if result is None:
        result, measured_in = row.get("VSSTRESC") or row.get("VSSTRESN"), row.get("VSSTRESU")
    if result is None:
        return unusable(row, "VSORRES", "no result")
    if (value := plain(result)) is None:
        return unusable(row, "VSORRES", "the result is no number")
    if (measured := moment(row.get("VSDTC"))) is None:
        return unusable(row, "VSDTC", "no usable date")
    return Said(
        "VitalSignMeasured.v1",
        measured,
        {
            "sign": sign,
            "measured": measured.said,
            "value": value,
            "unit": unit(measured_in),
            "position": POSITIONS.get(row.code("VSPOS") or ""),
            "visit": label(row.get("VISIT")),
        },
    )
