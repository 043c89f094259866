"""What do the rows of LB say? One result each, in the unit in which it was reported, with that laboratory's limits.

The reported result stands before the converted one: the printed limits of CTCAE are not conversions of each other.
"""

from typing import NamedTuple

from streams.importers.sdtm.dates import moment
from streams.importers.sdtm.messages import Said, Study, Unusable, label, unusable
from streams.importers.sdtm.results import number, plain, unit
from streams.importers.sdtm.tables import Row

ANALYTES = {
    "HB": "HGB",
    "HGBN": "HGB",
    "ANC": "NEUT",
    "NEUTABS": "NEUT",
    "PLT": "PLAT",
    "SGPT": "ALT",
    "ALAT": "ALT",
    "SGOT": "AST",
    "ASAT": "AST",
    "TBILI": "BILI",
    "TBIL": "BILI",
    "CREA": "CREAT",
    "CRE": "CREAT",
    "NA": "SODIUM",
    "POTASS": "K",
    "CALCIUM": "CA",
    "MAGNES": "MG",
}
"""Names that sponsors give a test, and its CDISC LBTESTCD (code list C65047). Any other name stays as it is."""

BLOOD = ("BLOOD", "SERUM", "PLASMA", "ERYTHROCYTES", "LEUKOCYTES", "PLATELETS")
YES_OR_NO = {"Y": True, "N": False}


class Reported(NamedTuple):
    """A result with the unit and limits that belong to it."""

    result: str
    unit: str | None
    lower: str | None
    upper: str | None


def lab(_: Study, row: Row) -> Said | Unusable:
    """One laboratory result."""
    if row.code("LBSTAT") == "NOT DONE" or row.code("LBORRES") == "NOT DONE":
        return unusable(row, "LBSTAT", "the test was not done")
    if (test := row.code("LBTESTCD")) is None:
        return unusable(row, "LBTESTCD", "no test")
    if (reported := _reported(row)) is None:
        return unusable(row, "LBORRES", "no result")
    if (collected := moment(row.get("LBDTC"))) is None:
        return unusable(row, "LBDTC", "no usable date")
    value = number(reported.result)
    return Said(
        "LabResulted.v1",
        collected,
        {
            "analyte": ANALYTES.get(test, test),
            "specimen": specimen(row),
            "collected": collected.said,
            "operator": value.operator if value else None,
            "value": value.value if value else None,
            "coded": None if value else reported.result,
            "unit": unit(reported.unit),
            "lower_limit": plain(reported.lower),
            "upper_limit": plain(reported.upper),
            "laboratory": _laboratory(row),
            "fasting": YES_OR_NO.get(row.code("LBFAST") or ""),
            "visit": label(row.get("VISIT")),
        },
    )


def specimen(row: Row) -> str:
    """What was examined. Without LBSPEC it is blood, unless the category names urine: so SDTM labs are filed."""
    said = row.code("LBSPEC")
    if said is None:
        return "urine" if "URIN" in (row.code("LBCAT") or "") else "blood"
    if any(word in said for word in BLOOD):
        return "blood"
    return "urine" if "URINE" in said else "other"


def _reported(row: Row) -> Reported | None:
    """The result as reported; where only the converted one is given, that one with its own unit and limits."""
    if (result := row.get("LBORRES")) is not None:
        return Reported(result, row.get("LBORRESU"), row.get("LBORNRLO"), row.get("LBORNRHI"))
    if (result := row.get("LBSTRESC") or row.get("LBSTRESN")) is not None:
        return Reported(result, row.get("LBSTRESU"), row.get("LBSTNRLO"), row.get("LBSTNRHI"))
    return None


def _laboratory(row: Row) -> str | None:
    name = label(row.get("LBNAM"))
    return name if name is not None and " " not in name else None
