"""What does a result say? A number with its operator, or a word; never a number that was not written."""

import re
from typing import NamedTuple

from schemas.values import DECIMAL

NUMBER = re.compile(r"(<=|>=|<|>|=|≤|≥)?\s*([+-]?)0*(\d*)(?:\.(\d*))?")
OPERATORS = {"≤": "<=", "≥": ">=", None: "="}
NO_UNITS = frozenset({"NO UNITS", "NONE", "UNITLESS", "NO UNIT"})
"""Words in a unit variable that say there is no unit."""


class Number(NamedTuple):
    """A value as reported, and how it bounds the true one."""

    operator: str
    value: str


def number(text: str | None) -> Number | None:
    """Reads `3.8`, `<0.2` or `.5` (which is `0.5`); None for anything else. Trailing zeros stay."""
    found = NUMBER.fullmatch(text or "")
    if found is None or not any(digit.isdigit() for digit in text or ""):
        return None
    operator, sign, whole, fraction = found.groups()
    value = ("-" if sign == "-" else "") + (whole or "0") + (f".{fraction}" if fraction else "")
    return Number(OPERATORS.get(operator, operator), value) if DECIMAL.fullmatch(value) else None


def plain(text: str | None) -> str | None:
    """A number without an operator, such as a dose or a limit of normal; None for anything else."""
    read = number(text)
    return read.value if read is not None and read.operator == "=" else None


def unit(text: str | None) -> str | None:
    """The unit as reported; None where there is none."""
    return None if text is None or text.upper() in NO_UNITS else text
