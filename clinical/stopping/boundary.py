"""At which count of events does a group stop, look by look?

One convention everywhere: stop when the count is **at or above** the bound (as R stoppingrule and BOIN
print it). clinfun and PhII_Bayes print the largest count that may go on, which is one less.

A family of boundaries is one function that says how strongly each count speaks against p0, and one line
in `EVIDENCE`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from types import MappingProxyType

from clinical.stopping.calibration import Evidence, calibrate
from clinical.stopping.rates import Rate, exact_rate_inside
from clinical.stopping.recursion import event_weights


@dataclass(frozen=True, slots=True)
class Boundary:
    """A stopping rule as a table: at ``looks[k]`` participants stop at ``stop_at[k]`` events or more."""

    method: str
    p0: Fraction
    """The event rate that is still acceptable."""
    alpha: Fraction
    """The chance to stop under p0 that the protocol allows."""
    looks: tuple[int, ...]
    """Numbers of evaluable participants, in order of enrolment, at which the count is judged."""
    stop_at: tuple[int | None, ...]
    """The bound at each look; None where even events in everybody would not stop."""
    interval: tuple[Fraction, Fraction] | None
    """All constants from the first up to, not including, the second give this boundary.

    None for a table taken from a protocol as it is printed: nothing was calibrated.
    """

    def __post_init__(self) -> None:
        _refuse_unordered(self.looks)
        for look, bound in zip(self.looks, self.stop_at, strict=True):
            if bound is not None and not 1 <= bound <= look:
                raise ValueError(f"a bound of {bound} events at {look} participants is no bound")

    @property
    def constant(self) -> Fraction | None:
        """The calibrated constant: the middle of its interval, where no rounding moves the boundary."""
        if self.interval is None:
            return None
        lower, upper = self.interval
        return (lower + upper) / 2

    def bound_at(self, n: int) -> int | None:
        """Give the bound at n participants; None where n is no look, or the rule cannot stop there."""
        k = bisect_left(self.looks, n)
        if k == len(self.looks) or self.looks[k] != n:
            return None
        return self.stop_at[k]

    def next_after(self, n: int) -> tuple[int, int] | None:
        """Give the first look after n participants at which the rule can stop, with its bound."""
        start = bisect_right(self.looks, n)
        for look, bound in zip(self.looks[start:], self.stop_at[start:], strict=True):
            if bound is not None:
                return look, bound
        return None


def pocock(p0: Rate, alpha: Rate, looks: Sequence[int]) -> Boundary:
    """Stop where the chance of so many events under p0 is at most one level, the same at all looks.

    The rule is P(Bin(n, p0) >= x) <= a*, with the largest a* for which P(stop | p0) <= alpha.
    Source: Ivanova, Qaqish, Schell, Biometrics 2005;61:540-545; clinfun `toxbdry` with delta = 0.

    For p0 = 0.30, alpha = 0.10 and a look at each of 30 participants it stops at 3 of 3,
    4 of 4 or 5, 5 of 6 or 7, and so on to 15 of 30.
    """
    return calibrated("pocock", p0, alpha, looks)


def calibrated(method: str, p0: Rate, alpha: Rate, looks: Sequence[int]) -> Boundary:
    """Calibrate the boundary of a family named in `EVIDENCE`; asking twice costs nothing."""
    return _calibrated(method, exact_rate_inside(p0), exact_rate_inside(alpha), tuple(looks))


@lru_cache(maxsize=256)
def _calibrated(method: str, p0: Fraction, alpha: Fraction, looks: tuple[int, ...]) -> Boundary:
    _refuse_unordered(looks)
    found = calibrate(p0, alpha, looks, EVIDENCE[method](p0, looks))
    return Boundary(method, p0, alpha, looks, found.stop_at, (found.lower, found.upper))


def _refuse_unordered(looks: tuple[int, ...]) -> None:
    if not looks or looks[0] < 1 or any(earlier >= later for earlier, later in pairwise(looks)):
        raise ValueError(f"looks are growing numbers of participants, not {looks}")


def _tail_probabilities(p0: Fraction, looks: Sequence[int]) -> Evidence:
    """Measure x of n by P(Bin(n, p0) >= x), all looks on the scale of the last."""
    last = looks[-1]
    rows = []
    for n in looks:
        at_least = tuple(accumulate(reversed(event_weights(p0, n))))[::-1]
        rows.append(tuple(weight * p0.denominator ** (last - n) for weight in at_least))
    return Evidence(rows=tuple(rows), scale=p0.denominator**last)


EVIDENCE: Mapping[str, Callable[[Fraction, Sequence[int]], Evidence]] = MappingProxyType(
    {
        "pocock": _tail_probabilities,
    }
)
