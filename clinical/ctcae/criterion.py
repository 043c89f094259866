"""What does one line of a criterion say? Reads the small language of v5.yaml and v6.yaml into comparisons.

[100, LLN)                          100 ≤ value < lower limit of normal
(1.5 ULN, 3 ULN]                    1.5 × upper limit < value ≤ 3 × upper limit
> ULN and > BL                      above the upper limit and above baseline
fall [10, 19]                       baseline minus value, both ends included
rise > 60 given baseline            only where a baseline value is known; silent otherwise
(2 ULN, 5 ULN] when not symptoms    an unknown fact leaves the grade open
any when given intervention         a fact that counts as absent when nobody states it
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Final

__all__ = ["LIMITS", "MEASURES", "Arm", "Comparison", "Condition", "read_arm"]

LIMITS: Final = ("LLN", "ULN", "BL")
"""Lower limit of normal, upper limit of normal, baseline value."""

MEASURES: Final = ("value", "excess", "shortfall", "rise", "fall", "rise%", "fall%")
"""The value itself; above ULN; below LLN; above or below baseline, absolute or in percent of baseline."""

_BOUND: Final = re.compile(r"(?P<number>-?\d+(?:\.\d+)?)?\s*(?P<limit>LLN|ULN|BL)?")
_ONE_SIDED: Final = re.compile(r"(?P<operator>[<>]=?)\s*(?P<bound>.+)")
_TWO_SIDED: Final = re.compile(r"(?P<open>[\[(])(?P<low>[^,]+),(?P<high>[^,]+)(?P<close>[\])])")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`measure operator number [× limit]`, for example value > 1.5 ULN."""

    measure: str
    operator: str
    number: Decimal
    limit: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A fact that must hold (`wanted`); `stated` facts count as absent when nobody gives them."""

    name: str
    wanted: bool
    stated: bool


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of meeting a grade: every comparison and every condition holds."""

    comparisons: tuple[Comparison, ...]
    conditions: tuple[Condition, ...]
    text: str = field(compare=False)
    """As it is written in the table."""


@lru_cache(maxsize=4096)
def read_arm(text: str) -> Arm:
    """The arm that `text` describes; ValueError, with the text, where it cannot be read."""
    ranges, _, conditions = text.partition(" when ")
    if not conditions:
        ranges, _, given = text.partition(" given ")
        conditions = f"given {given}" if given else ""
    return Arm(
        tuple(item for part in ranges.split(" and ") for item in _read_range(part.strip(), text)),
        tuple(_read_condition(part.strip()) for part in conditions.split(" and ") if part.strip()),
        text,
    )


def _read_range(part: str, text: str) -> tuple[Comparison, ...]:
    if part == "any":
        return ()
    measure, _, rest = part.partition(" ")
    if measure not in MEASURES:
        measure, rest = "value", part
    if two := _TWO_SIDED.fullmatch(rest):
        low = _read_bound(measure, ">=" if two["open"] == "[" else ">", two["low"], text)
        return low, _read_bound(measure, "<=" if two["close"] == "]" else "<", two["high"], text)
    if one := _ONE_SIDED.fullmatch(rest):
        return (_read_bound(measure, one["operator"], one["bound"], text),)
    raise ValueError(f"no criterion: {text!r}")


def _read_bound(measure: str, operator: str, bound: str, text: str) -> Comparison:
    found = _BOUND.fullmatch(bound.strip())
    if found is None or not (found["number"] or found["limit"]):
        raise ValueError(f"no bound: {bound!r} in {text!r}")
    return Comparison(measure, operator, Decimal(found["number"] or 1), found["limit"])


def _read_condition(part: str) -> Condition:
    stated = part.startswith("given ")
    name = part.removeprefix("given ")
    wanted = not name.startswith("not ")
    return Condition(name.removeprefix("not "), wanted, stated)
