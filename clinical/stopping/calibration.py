"""Which is the loosest constant whose boundary stops an acceptable trial with chance at most alpha?

A family of boundaries orders the cells (look, events) by how strongly they speak against p0, and stops
at every cell at least as strong as one constant. As the constant grows, cells join the stopping region
and none leaves, so the chance to stop under p0 only grows: the constant is found by bisection. It need
be looked for only where the region changes, among the finitely many values that the cells themselves have.

Cells with equal evidence join together, because no constant separates them: for p0 = 1/4 the tails of
three of three and of four of five are both 1/64 (R stoppingrule keeps one and drops the other by
rounding). Every constant from `lower` up to, but not including, `upper` gives the same boundary. Its ends
are what rounding falls off: the constant in the README of stoppingrule, applied exactly, gives another
boundary than the one printed beside it. So keep the middle, and compare boundaries, not constants.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from clinical.stopping.recursion import stop_weight


@dataclass(frozen=True, slots=True)
class Evidence:
    """How strongly each count speaks against p0: ``rows[k][x] / scale`` for x events at the k-th look.

    Smaller is stronger; within a row it never grows with x; no value is negative. Zero events are the
    weakest cell there is, and must not be reached by any constant whose error is below one.
    """

    rows: tuple[tuple[int, ...], ...]
    scale: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bounds found, and the half-open interval [lower, upper) of constants that give them."""

    stop_at: tuple[int | None, ...]
    lower: Fraction
    upper: Fraction


def calibrate(p0: Fraction, alpha: Fraction, looks: Sequence[int], evidence: Evidence) -> Calibration:
    """Find the loosest boundary of a family with P(stop | p0) <= alpha, decided without rounding.

    Where even the strongest single cell is too likely, the answer is a boundary that never stops.
    """

    def weight_at(constant: int) -> int:
        return stop_weight(p0, looks, _bounds(evidence, constant))

    candidates = sorted({0}.union(*evidence.rows))
    allowed = alpha.numerator * p0.denominator ** looks[-1] // alpha.denominator
    first_too_loose = bisect_right(candidates, allowed, key=weight_at)
    lower, upper = candidates[first_too_loose - 1], candidates[first_too_loose]
    return Calibration(
        stop_at=_bounds(evidence, lower),
        lower=Fraction(lower, evidence.scale),
        upper=Fraction(upper, evidence.scale),
    )


def _bounds(evidence: Evidence, constant: int) -> tuple[int | None, ...]:
    return tuple(next((x for x, value in enumerate(row) if value <= constant), None) for row in evidence.rows)
