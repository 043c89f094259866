"""Boundaries against published tables, exact ties, and the definition itself."""

from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.stopping.boundary import Boundary, calibrated, pocock
from clinical.stopping.calibration import Evidence, calibrate
from clinical.stopping.characteristics import operating_characteristics

P0, ALPHA = Decimal("0.30"), Decimal("0.10")


def continuous(n: int) -> range:
    return range(1, n + 1)


def in_ranges(boundary: Boundary) -> str:
    """Write a boundary as bound@first-last look, the usual short notation."""
    pairs = [(n, b) for n, b in zip(boundary.looks, boundary.stop_at, strict=True) if b is not None]
    parts = []
    for bound, group in groupby(pairs, key=lambda pair: pair[1]):
        looks = [n for n, _ in group]
        parts.append(f"{bound}@{looks[0]}" + (f"-{looks[-1]}" if len(looks) > 1 else ""))
    return " ".join(parts)


def chance_of_at_least(x: int, n: int, p: Fraction) -> Fraction:
    terms = (comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(x, n + 1))
    return sum(terms, start=Fraction(0))


def at_level(p0: Fraction, looks: tuple[int, ...], level: Fraction) -> tuple[int | None, ...]:
    """Apply the rule by its definition: the smallest x with P(Bin(n, p0) >= x) <= level."""
    return tuple(next((x for x in range(1, n + 1) if chance_of_at_least(x, n, p0) <= level), None) for n in looks)


def test_thirty_continuous_looks_at_thirty_percent_give_the_published_bounds() -> None:
    # Equal to what R stoppingrule 0.6 gives: calc.rule.bin(ns=1:30, p0=0.30, alpha=0.10, type="Pocock").
    assert in_ranges(pocock(P0, ALPHA, continuous(30))) == (
        "3@3 4@4-5 5@6-7 6@8-9 7@10-11 8@12-13 9@14-16 10@17-18 11@19-21 12@22-23 13@24-26 14@27-29 15@30"
    )


def test_two_participants_with_the_event_cannot_stop_a_group_of_two() -> None:
    boundary = pocock(P0, ALPHA, continuous(30))
    assert boundary.bound_at(2) is None
    assert boundary.bound_at(3) == 3


def test_between_looks_and_after_the_last_there_is_no_bound() -> None:
    boundary = pocock(P0, ALPHA, (10, 20, 30))
    assert [boundary.bound_at(n) for n in (0, 9, 11, 31)] == [None] * 4
    assert boundary.bound_at(20) is not None
    assert boundary.next_after(30) is None


def test_the_next_look_passes_over_those_that_cannot_stop() -> None:
    boundary = pocock(P0, ALPHA, continuous(30))
    assert boundary.next_after(0) == (3, 3)
    assert boundary.next_after(3) == (4, 4)


def test_three_of_three_and_four_of_five_are_one_tie_when_p0_is_a_quarter() -> None:
    # Both tails are 1/64; R stoppingrule keeps one cell and drops the other by rounding.
    quarter = Fraction(1, 4)
    assert chance_of_at_least(3, 3, quarter) == chance_of_at_least(4, 5, quarter) == Fraction(1, 64)
    for hundredths in range(1, 40):
        boundary = pocock(quarter, Fraction(hundredths, 100), continuous(5))
        at_three, at_five = boundary.bound_at(3), boundary.bound_at(5)
        assert (at_three is not None and at_three <= 3) == (at_five is not None and at_five <= 4)


def test_a_tie_enters_exactly_when_alpha_pays_for_both_cells() -> None:
    quarter = Fraction(1, 4)
    with_both = Boundary("table", quarter, Fraction(ALPHA), (3, 5), (3, 4), interval=None)
    price = operating_characteristics(with_both, quarter).p_stop
    assert pocock(quarter, price, (3, 5)).stop_at == (3, 4)
    assert pocock(quarter, price - Fraction(1, 10**9), (3, 5)).stop_at == (None, 5)


def test_an_alpha_met_exactly_is_met() -> None:
    # One look, p0 = 1/2: P(X >= 3 of 3) is 1/8, and 1/8 is allowed.
    assert pocock(Fraction(1, 2), Fraction(1, 8), (3,)).stop_at == (3,)
    assert pocock(Fraction(1, 2), Fraction(1249, 10000), (3,)).stop_at == (None,)


def test_an_alpha_too_small_for_any_cell_gives_a_rule_that_never_stops() -> None:
    boundary = pocock(P0, Decimal("0.001"), (2, 4))
    assert boundary.stop_at == (None, None)
    assert boundary.interval == (Fraction(0), Fraction(3, 10) ** 4)


def test_a_generous_alpha_never_stops_a_group_without_events() -> None:
    boundary = pocock(Decimal("0.01"), Decimal("0.99"), continuous(5))
    assert boundary.stop_at == (1, 1, 1, 1, 1)
    assert boundary.interval is not None
    assert boundary.interval[1] == 1


def test_the_constant_lies_strictly_inside_its_interval() -> None:
    # R stoppingrule returns an edge of the plateau, which applied exactly may give another boundary.
    boundary = pocock(P0, ALPHA, continuous(30))
    assert boundary.interval is not None
    assert boundary.constant is not None
    lower, upper = boundary.interval
    assert lower < boundary.constant < upper
    assert lower == Fraction("0.03078")  # P(X >= 4 of 5), the last cell that enters


def test_a_printed_table_has_no_constant() -> None:
    assert Boundary("table", Fraction(P0), Fraction(ALPHA), (3,), (2,), interval=None).constant is None


def test_a_binary_float_is_refused_as_a_rate() -> None:
    with pytest.raises(TypeError, match="float"):
        pocock(0.3, ALPHA, continuous(30))  # type: ignore[arg-type]


@pytest.mark.parametrize("p0", [Decimal(0), Decimal(1), Decimal("-0.1"), Decimal("1.2")])
def test_a_null_rate_lies_strictly_between_none_and_all(p0: Decimal) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        pocock(p0, ALPHA, continuous(3))


@pytest.mark.parametrize("looks", [(), (0, 1), (3, 3), (5, 4)])
def test_looks_grow(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="growing"):
        pocock(P0, ALPHA, looks)


def test_a_bound_above_its_look_is_written_as_none() -> None:
    with pytest.raises(ValueError, match="no bound"):
        Boundary("table", Fraction(P0), Fraction(ALPHA), (2, 3), (3, 3), interval=None)


def test_an_unknown_family_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        calibrated("haybittle", P0, ALPHA, continuous(3))


def test_any_family_that_orders_the_cells_is_calibrated_alike() -> None:
    # A made-up family, "at most c participants without the event". For c = 0 it stops at 3 of 3, chance
    # .3 ** 3 = .027; for c = 1 already at 2 of 3, chance .216. Only whole c change the boundary.
    looks = (3, 6)
    without_event = Evidence(rows=tuple(tuple(n - x for x in range(n + 1)) for n in looks), scale=1)
    found = calibrate(Fraction(P0), Fraction(ALPHA), looks, without_event)
    assert found.stop_at == (3, 6)
    assert (found.lower, found.upper) == (Fraction(0), Fraction(1))


small_rates = st.fractions(min_value=Fraction(1, 20), max_value=Fraction(19, 20), max_denominator=20)
small_looks = st.sets(st.integers(1, 9), min_size=1).map(lambda looks: tuple(sorted(looks)))


@given(p0=small_rates, alpha=small_rates, looks=small_looks)
def test_no_looser_nominal_level_keeps_alpha(p0: Fraction, alpha: Fraction, looks: tuple[int, ...]) -> None:
    boundary = pocock(p0, alpha, looks)
    assert boundary.interval is not None
    lower, upper = boundary.interval
    assert boundary.constant is not None
    assert boundary.stop_at == at_level(p0, looks, lower) == at_level(p0, looks, boundary.constant)
    assert operating_characteristics(boundary, p0).p_stop <= alpha

    looser = at_level(p0, looks, upper)
    if upper < 1:  # at 1 even a group without events would stop
        loosened = Boundary("table", p0, alpha, looks, looser, interval=None)
        assert looser != boundary.stop_at
        assert operating_characteristics(loosened, p0).p_stop > alpha


@given(p0=small_rates, alphas=st.tuples(small_rates, small_rates), looks=small_looks)
def test_a_larger_alpha_never_raises_a_bound(
    p0: Fraction, alphas: tuple[Fraction, Fraction], looks: tuple[int, ...]
) -> None:
    strict, loose = (pocock(p0, alpha, looks) for alpha in sorted(alphas))
    for n in looks:
        if (bound := strict.bound_at(n)) is not None:
            assert (loose.bound_at(n) or n + 1) <= bound


@given(p0=small_rates, alpha=small_rates)
def test_a_bound_never_falls_from_one_participant_to_the_next(p0: Fraction, alpha: Fraction) -> None:
    boundary = pocock(p0, alpha, continuous(12))
    heights = [b or n + 1 for n, b in zip(boundary.looks, boundary.stop_at, strict=True)]
    assert all(earlier <= later for earlier, later in pairwise(heights))
