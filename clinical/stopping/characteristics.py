"""How often, how early, and after how many events does a rule stop, if the true rate is p?

"Stops" includes the last look (clinfun `pcross`, stoppingrule "Reject Prob"); "stops early" leaves it
out (clinfun `pstop`). Nothing is interpolated: the recursion costs little enough to run again for every
rate that somebody asks about.
"""

from dataclasses import dataclass, fields
from fractions import Fraction

from clinical.stopping.boundary import Boundary
from clinical.stopping.rates import Rate, exact_rate
from clinical.stopping.recursion import ends


@dataclass(frozen=True, slots=True)
class Characteristics:
    """What a rule does at one true event rate, as exact rationals."""

    p: Fraction
    p_stop: Fraction
    """Chance to stop at any look, the last included."""
    p_stop_early: Fraction
    """Chance to stop before the last look."""
    expected_n: Fraction
    """Mean number of evaluable participants when the trial ends."""
    expected_events: Fraction
    """Mean number of participants with the event when the trial ends."""


def operating_characteristics(boundary: Boundary, p: Rate) -> Characteristics:
    """Compute what the rule does when each participant has the event with chance p, exactly.

    Pocock, p0 = 0.30, alpha = 0.10, 30 looks: at p = 0.50 it stops 73.6 % of trials,
    after 17.4 participants in the mean.
    """
    rate = exact_rate(p)
    last = boundary.looks[-1]
    found = ends(rate, boundary.looks, boundary.stop_at)
    stop_at_look = [
        Fraction(sum(weight for _, weight in cells), rate.denominator**look)
        for look, cells in zip(boundary.looks, found.stopped, strict=True)
    ]
    events_at_look = [
        Fraction(sum(x * weight for x, weight in cells), rate.denominator**look)
        for look, cells in zip(boundary.looks, found.stopped, strict=True)
    ]
    events_at_end = Fraction(sum(x * weight for x, weight in found.finished), rate.denominator**last)
    p_stop = sum(stop_at_look, start=Fraction(0))
    participants = sum(
        (look * chance for look, chance in zip(boundary.looks, stop_at_look, strict=True)), start=Fraction(0)
    )
    return Characteristics(
        p=rate,
        p_stop=p_stop,
        p_stop_early=p_stop - stop_at_look[-1],
        expected_n=participants + last * (1 - p_stop),
        expected_events=sum(events_at_look, start=events_at_end),
    )


def in_floats(characteristics: Characteristics) -> dict[str, float]:
    """Give the same numbers for print: each rounded once, from the exact value."""
    return {field.name: float(getattr(characteristics, field.name)) for field in fields(characteristics)}
