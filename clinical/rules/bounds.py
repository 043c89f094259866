"""Does a reported number lie in a range? Exactly, in its own unit; a censored one only where it decides.

A number is asked for in the unit families that the protocol prints; it is never converted from one to another
(ctcae.md, pitfall 7), only within a family, where the factor is exact.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from clinical.ctcae import find_analyte
from clinical.ctcae.grading import find_block
from clinical.rules.levels import Bounds
from clinical.units import normalise, resolve

__all__ = ["Answer", "factor_and_family", "in_family", "inside"]

Answer = Literal["yes", "no"] | None
"""None: it cannot be said."""

_ONE = Decimal(1)


def inside(bounds: Bounds, operator: str, value: Decimal, scale: Decimal = _ONE) -> Answer:
    """Whether the number lies in the range, whose bounds are multiples of `scale`."""
    answers: list[Answer] = []
    if bounds.more_than is not None:
        answers.append(_above(operator, value, bounds.more_than * scale, strictly=True))
    if bounds.at_least is not None:
        answers.append(_above(operator, value, bounds.at_least * scale, strictly=False))
    if bounds.less_than is not None:
        answers.append(_not(_above(operator, value, bounds.less_than * scale, strictly=False)))
    if bounds.at_most is not None:
        answers.append(_not(_above(operator, value, bounds.at_most * scale, strictly=True)))
    if "no" in answers:
        return "no"
    return None if None in answers else "yes"


def in_family(told: Mapping[str, Bounds], code: str, unit: str | None, operator: str, value: Decimal) -> Answer:
    """Whether the number lies in the range of the family of its unit; in another unit, or without one: None."""
    found = factor_and_family(code, unit, tuple(told))
    return inside(told[found[1]], operator, value, found[0]) if found else None


@lru_cache(maxsize=4096)
def factor_and_family(code: str, unit: str | None, families: tuple[str, ...]) -> tuple[Decimal, str] | None:
    """How many reported units are one unit of which of the families; None: of none of them."""
    if unit is None:
        return None
    kind = _kind(code)
    reported = resolve(kind, unit) if kind else None
    if reported is not None:
        return (reported.cut_factor, reported.family) if reported.family in families else None
    return next(((_ONE, family) for family in families if normalise(family) == normalise(unit)), None)


@lru_cache(maxsize=1024)
def _kind(code: str) -> str | None:
    """What is measured, as units are read: cells, haemoglobin, …; None for an analyte without a unit of its own."""
    found = find_analyte(code)
    terms = [term for way in found.terms.values() for term in way] if found else []
    blocks = [find_block("5.0", term) for term in terms]
    return next((block.unit for block in blocks if block is not None and block.unit is not None), None)


def _above(operator: str, value: Decimal, bound: Decimal, *, strictly: bool) -> Answer:
    match operator:
        case "=":
            return "yes" if value > bound or (value == bound and not strictly) else "no"
        case ">":
            return "yes" if value >= bound else None
        case ">=":
            return "yes" if value > bound or (value == bound and not strictly) else None
        case "<":
            return "no" if value <= bound else None
        case _:
            return "no" if value < bound or (value == bound and strictly) else None


def _not(answer: Answer) -> Answer:
    if answer is None:
        return None
    return "no" if answer == "yes" else "yes"
