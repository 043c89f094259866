"""Where do trials end, and with how many events, when they stop at their bounds?

One exact recursion serves every binary boundary: at each look the distribution of the count is
convolved with the events of the participants who came since; the cells at or above the bound stop and
are taken out; the rest goes on. R clinfun `bdrycross.prob` and stoppingrule `OC.rule.bin` compute the
same in floating point; the idea is Goldman's of 1987 (see Stat Med 2001;20:1575-1589).

With p = a/d every probability after n participants is a whole number over d**n, so the recursion
runs on whole numbers ("weights") and nothing is ever rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb


@dataclass(frozen=True, slots=True)
class Ends:
    """Where trials end: pairs (events, weight), the weight after n participants in units of d**-n."""

    stopped: tuple[tuple[tuple[int, int], ...], ...]
    """One entry per look: the counts that stop there."""
    finished: tuple[tuple[int, int], ...]
    """The counts that pass the last look without stopping."""


def event_weights(p: Fraction, n: int) -> tuple[int, ...]:
    """Weigh 0, 1, … n events among n participants: binomial probabilities times d**n.

    >>> event_weights(Fraction(1, 4), 2)
    (9, 6, 1)
    """
    event, no_event = p.numerator, p.denominator - p.numerator
    return tuple(comb(n, x) * event**x * no_event ** (n - x) for x in range(n + 1))


def ends(p: Fraction, looks: Sequence[int], stop_at: Sequence[int | None]) -> Ends:
    """Follow all trials with true event rate p through the looks, stopping at count >= bound."""
    going_on: list[int] = [1]
    stopped = []
    so_far = 0
    for look, bound in zip(looks, stop_at, strict=True):
        counts = _convolve(going_on, event_weights(p, look - so_far))
        first_stopping = len(counts) if bound is None else bound
        stopped.append(tuple(enumerate(counts))[first_stopping:])
        going_on = counts[:first_stopping]
        so_far = look
    return Ends(stopped=tuple(stopped), finished=tuple(enumerate(going_on)))


def stop_weight(p: Fraction, looks: Sequence[int], stop_at: Sequence[int | None]) -> int:
    """Weigh all trials that stop at some look, the last included, in units of d**-(last look)."""
    total, so_far = 0, 0
    for look, cells in zip(looks, ends(p, looks, stop_at).stopped, strict=True):
        total = total * p.denominator ** (look - so_far) + sum(weight for _, weight in cells)
        so_far = look
    return total


def _convolve(before: Sequence[int], since: Sequence[int]) -> list[int]:
    together = [0] * (len(before) + len(since) - 1)
    for x, weight in enumerate(before):
        for more, factor in enumerate(since):
            together[x + more] += weight * factor
    return together
