"""In which printed family does a reported unit lie, and how do printed cuts become numbers in that unit?

A criterion is printed in families (g/L, g/dL, mmol/L ...) which are *not* conversions of each other: a value is graded
in the family in which it was reported (ctcae.md, pitfall 7). Within a family units differ by an exact factor, and the
factor is applied to the printed cut, never to the value. What a unit means depends on what was measured: `G/L` is
10⁹ cells per litre for neutrophils and grams per litre for haemoglobin (pitfall 8).
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

__all__ = ["KINDS", "ReportedUnit", "normalise", "resolve"]


@dataclass(frozen=True, slots=True)
class ReportedUnit:
    """A unit as understood: the printed `family`, and `cut_factor`, the number of reported units in one family unit."""

    family: str
    cut_factor: Decimal


_ONE: Final = Decimal(1)
_TWO: Final = Decimal(2)
_THOUSAND: Final = Decimal(1000)

_GRAMS_PER_LITRE: Final = ("g/l", "gm/l")
_GRAMS_PER_DECILITRE: Final = ("g/dl", "gm/dl", "g/100ml")
_MILLIGRAMS_PER_DECILITRE: Final = ("mg/dl", "mg/100ml")
_MILLIMOLES: Final = ("mmol/l", "mm/l")
_MILLIEQUIVALENTS: Final = ("meq/l",)
_MILLIMETRES_OF_MERCURY: Final = ("mmhg", "mm[hg]", "mm/hg")
_PERCENT: Final = ("%", "percent", "pct")
_PERCENT_PREDICTED: Final = (*_PERCENT, "%predicted", "%pred", "%ofpredicted", "percentpredicted")

# 10^3/mL is cells per microlitre, not 10^3/uL (ctcae.md, pitfall 8).
_THOUSANDS_PER_MICROLITRE: Final = (
    "10^9/l", "10^9cells/l", "gi/l", "g/l", "10^3/ul", "10^3cells/ul", "10^3/mm3", "10^3/cumm", "thou/ul", "thou/mm3",
    "thousand/ul", "thousands/ul", "k/ul", "k/mm3", "k/cumm", "1000/ul", "10^6/ml", "bil/l", "billion/l",
)  # fmt: skip
_PER_MICROLITRE: Final = (
    "/ul", "1/ul", "cells/ul", "cell/ul", "/mm3", "1/mm3", "cells/mm3", "cell/mm3", "/cumm", "cells/cumm", "#/ul",
    "10^3/ml", "10^6/l", "10^6cells/l",
)  # fmt: skip

_Sheet = dict[str, list[tuple[tuple[str, ...], Decimal]]]

# What was measured -> printed family -> (spellings, reported units in one family unit).
KINDS: Final[dict[str, _Sheet]] = {
    "cells": {"10^9/L": [(_THOUSANDS_PER_MICROLITRE, _ONE), (_PER_MICROLITRE, _THOUSAND)]},
    # mmol/L of haemoglobin is the monomer; that family prints its own cuts.
    "haemoglobin": {
        "g/L": [(_GRAMS_PER_LITRE, _ONE)],
        "g/dL": [(_GRAMS_PER_DECILITRE, _ONE)],
        "mmol/L": [(_MILLIMOLES, _ONE)],
    },
    "albumin": {"g/L": [(_GRAMS_PER_LITRE, _ONE), (_GRAMS_PER_DECILITRE, Decimal("0.1"))]},
    "monovalent ion": {"mmol/L": [(_MILLIMOLES + _MILLIEQUIVALENTS, _ONE)]},
    # Two charges: a milliequivalent is half a millimole.
    "divalent ion": {
        "mg/dL": [(_MILLIGRAMS_PER_DECILITRE, _ONE)],
        "mmol/L": [(_MILLIMOLES, _ONE), (_MILLIEQUIVALENTS, _TWO)],
    },
    "metabolite": {"mg/dL": [(_MILLIGRAMS_PER_DECILITRE, _ONE)], "mmol/L": [(_MILLIMOLES, _ONE)]},
    "fibrinogen": {"mg/dL": [(_MILLIGRAMS_PER_DECILITRE, _ONE)], "g/L": [(_GRAMS_PER_LITRE, _ONE)]},
    "bilirubin": {"mg/dL": [(_MILLIGRAMS_PER_DECILITRE, _ONE)]},
    "clearance": {"mL/min": [(("ml/min",), _ONE)]},
    "filtration": {
        "mL/min/1.73 m2": [
            (("ml/min/1.73m2", "ml/min/{1.73_m2}", "ml/min/1.73m^2", "ml/min/1.73sqm", "ml/min/1.73", "ml/min"), _ONE)
        ]
    },
    "urine protein": {
        "g/24 h": [(("g/24h", "g/day", "g/d", "g/24hr", "g/24hrs", "g/24hours", "gm/24h", "g/24hour"), _ONE)],
        "ratio": [(("ratio", "g/g", "mg/mg", "1"), _ONE)],
        "dipstick": [(("dipstick", "+"), _ONE)],
    },
    "urine output": {
        "mL/8 h": [(("ml/8h", "ml/8hr", "ml/8hours"), _ONE)],
        "mL/24 h": [(("ml/24h", "ml/day", "ml/d", "ml/24hr", "ml/24hours"), _ONE)],
        "mL/kg/h": [(("ml/kg/h", "ml/kg/hr", "ml/kg/hour"), _ONE)],
        "mL/1.73 m2/day": [(("ml/1.73m2/day", "ml/1.73m2/d", "ml/1.73m2/24h"), _ONE)],
    },
    "duration": {"ms": [(("ms", "msec", "msecs", "millisecond", "milliseconds"), _ONE)]},
    "pressure": {"mmHg": [(_MILLIMETRES_OF_MERCURY, _ONE)]},
    "oxygen": {"%": [(_PERCENT, _ONE)], "mmHg": [(_MILLIMETRES_OF_MERCURY, _ONE)]},
    "temperature": {
        "C": [(("c", "°c", "degc", "cel", "celsius", "degreesc", "degreec", "degreescelsius"), _ONE)],
        "F": [(("f", "°f", "degf", "[degf]", "fahrenheit", "degreesf", "degreef", "degreesfahrenheit"), _ONE)],
    },
    "percent": {"%": [(_PERCENT, _ONE)]},
    "percent predicted": {
        "%": [(_PERCENT_PREDICTED, _ONE)],
        "z": [(("z", "z-score", "zscore", "gliz", "gliz-score"), _ONE)],
    },
    "diffusing capacity": {"mL/min/mmHg": [(("ml/min/mmhg", "ml/min/mm[hg]", "ml/mmhg/min"), _ONE)]},
    "body mass index": {"kg/m2": [(("kg/m2", "kg/m^2"), _ONE)]},
    "stools": {"stools/day": [(("stools/day", "/day", "stools/24h", "/24h", "stool/day", "/d"), _ONE)]},
    "sound": {"dB": [(("db",), _ONE)]},
    "gestation": {"weeks": [(("weeks", "week", "wk", "wks", "w"), _ONE)]},
    "t-score": {"T": [(("t", "t-score", "tscore", "sd"), _ONE)]},
}

_SPELLINGS: Final = (
    ("µ", "u"), ("μ", "u"), ("mcl", "ul"), ("²", "2"), ("³", "3"), ("⁶", "^6"), ("⁹", "^9"), ("×", "x"), ("**", "^"),
    ("10*", "10^"), ("10e+0", "10^"), ("10e0", "10^"), ("10e+", "10^"), ("10e", "10^"),
    ("x10", "10"), ("mm^3", "mm3"), ("litre", "l"),
    ("liter", "l"), ("m^2", "m2"), ("103/", "10^3/"), ("109/", "10^9/"), ("^^", "^"),
)  # fmt: skip


def normalise(unit: str) -> str:
    """The unit in one spelling: lower case, no blanks, one sign for micro, for a power and for multiplication."""
    text = "".join(unit.split()).replace("10³", "10^3").lower()
    for written, plain in _SPELLINGS:
        text = text.replace(written, plain)
    return text


@lru_cache(maxsize=4096)
def resolve(kind: str, unit: str | None) -> ReportedUnit | None:
    """What `unit` means for this kind of measurement, or None: a missing or unlisted unit is unknown, never guessed."""
    if unit is None:
        return None
    spelling = normalise(unit)
    for family, groups in KINDS[kind].items():
        for spellings, cut_factor in groups:
            if spelling in spellings:
                return ReportedUnit(family, cut_factor)
    return None
