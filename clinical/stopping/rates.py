"""Which exact number does a protocol mean by a rate such as 0.30?

A threshold decides by this number, so it is a rational: a binary 0.3 is not three tenths, and two
tail probabilities that are equal would come out different (for a rate of 1/4, three events of three
and four of five or more both have 1/64).
"""

from decimal import Decimal
from fractions import Fraction

Rate = Decimal | Fraction | int


def exact_rate(rate: Rate) -> Fraction:
    """Read a rate between 0 and 1 as a rational: ``Decimal("0.30")`` is 3/10.

    A binary float is refused: nobody can say which decimal was meant.
    """
    if not isinstance(rate, Rate):
        raise TypeError(f"a rate is a Decimal or a Fraction, not {type(rate).__name__}: {rate!r}")
    exact = Fraction(rate)
    if not 0 <= exact <= 1:
        raise ValueError(f"a rate lies between 0 and 1, not at {rate}")
    return exact


def exact_rate_inside(rate: Rate) -> Fraction:
    """Read a rate that must lie strictly between 0 and 1, as p0 and alpha do."""
    exact = exact_rate(rate)
    if exact in (0, 1):
        raise ValueError(f"this rate lies strictly between 0 and 1, not at {rate}")
    return exact
