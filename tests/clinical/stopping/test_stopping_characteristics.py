"""Operating characteristics against published figures and against every possible trial."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.stopping.boundary import Boundary, pocock
from clinical.stopping.characteristics import Characteristics, in_floats, operating_characteristics
from clinical.stopping.verdicts import Status, judge

P0, ALPHA = Decimal("0.30"), Decimal("0.10")


def printed(stop_at: tuple[int | None, ...], p0: str = "0.20") -> Boundary:
    """Take a boundary with a look at each participant from somebody's printed table."""
    looks = tuple(range(1, len(stop_at) + 1))
    return Boundary("table", Fraction(p0), Fraction(ALPHA), looks, stop_at, interval=None)


# README of R stoppingrule (GitHub mjmartens/stoppingrule): beta-binomial, p0 = 0.20, alpha = 0.10, n = 30;
# `table.rule.bin`: 3 at 3-4, 4 at 5-6, 5 at 7-10, 6 at 11-13, 7 at 14-17, 8 at 18-20, 9 at 21-24,
# 10 at 25-28, 11 at 29-30.
STOPPINGRULE_README: tuple[int | None, ...] = (
    *(None, None),
    *(3,) * 2,
    *(4,) * 2,
    *(5,) * 4,
    *(6,) * 3,
    *(7,) * 4,
    *(8,) * 3,
    *(9,) * 4,
    *(10,) * 4,
    *(11,) * 2,
)


@pytest.mark.parametrize(
    ("p", "p_stop", "expected_events"),
    [
        ("0.20", 0.09957367, 5.651197),
        ("0.25", 0.23832301, 6.536293),
        ("0.30", 0.43615256, 6.926712),
        ("0.35", 0.64555222, 6.819377),
        ("0.40", 0.81491087, 6.355803),
    ],
)
def test_the_readme_of_stoppingrule_prints_the_same_figures(p: str, p_stop: float, expected_events: float) -> None:
    found = operating_characteristics(printed(STOPPINGRULE_README), Decimal(p))
    assert float(found.p_stop) == pytest.approx(p_stop, abs=5e-9)
    assert float(found.expected_events) == pytest.approx(expected_events, abs=5e-7)


def test_four_of_seven_instead_of_five_costs_the_readme_rule_its_alpha() -> None:
    # Its printed constant .9630823, applied exactly, stops at 4 of 7; type I .1044 for .0996.
    edge = list(STOPPINGRULE_README)
    edge[6] = 4
    found = operating_characteristics(printed(tuple(edge)), Decimal("0.20"))
    assert round(float(found.p_stop), 4) == 0.1044
    assert found.p_stop > Fraction(ALPHA)


@pytest.mark.parametrize(
    ("p", "p_stop", "expected_n"),
    [("0.30", 0.099, 28.1), ("0.40", 0.362, 23.9), ("0.50", 0.736, 17.4)],
)
def test_thirty_participants_at_thirty_percent_have_the_published_characteristics(
    p: str, p_stop: float, expected_n: float
) -> None:
    found = operating_characteristics(pocock(P0, ALPHA, range(1, 31)), Decimal(p))
    assert round(float(found.p_stop), 3) == p_stop
    assert round(float(found.expected_n), 1) == expected_n


@pytest.mark.parametrize(
    ("bounds", "figures"),
    [
        # Equal to R stoppingrule 0.6: Wang-Tsiatis .25 and O'Brien-Fleming, N = 30, p0 = .30, alpha = .10.
        (
            "4@4 5@6 6@8 7@11 8@14 9@17 10@19 11@22 12@25 13@28 14@30",
            [(0.098, 28.6), (0.406, 24.6), (0.789, 18.2)],
        ),
        (
            "6@6 7@9 8@13 9@16 10@19 11@23 12@26 13@29 14@30",
            [(0.096, 29.1), (0.422, 25.6), (0.807, 19.7)],
        ),
    ],
)
def test_boundaries_of_other_families_have_their_published_characteristics(
    bounds: str, figures: list[tuple[float, float]]
) -> None:
    stop_at: list[int | None] = []
    for part in bounds.split():
        bound, last = map(int, part.split("@"))
        while len(stop_at) < last:
            stop_at.append(bound if bound <= len(stop_at) + 1 else None)
    boundary = printed(tuple(stop_at), p0="0.30")
    for p, (p_stop, expected_n) in zip(("0.3", "0.4", "0.5"), figures, strict=True):
        found = operating_characteristics(boundary, Decimal(p))
        assert round(float(found.p_stop), 3) == p_stop
        assert round(float(found.expected_n), 1) == expected_n


def test_a_safety_run_in_of_six_passes_as_often_as_published() -> None:
    # At most one of six passes .655/.420/.233/.109 of the time, at p .2/.3/.4/.5.
    run_in = Boundary("table", Fraction(P0), Fraction(ALPHA), (6,), (2,), interval=None)
    passed = [
        round(float(1 - operating_characteristics(run_in, Decimal(p)).p_stop), 3) for p in ("0.2", "0.3", "0.4", "0.5")
    ]
    assert passed == [0.655, 0.420, 0.233, 0.109]


def test_stopping_at_the_last_look_is_not_stopping_early() -> None:
    found = operating_characteristics(pocock(Fraction(1, 2), Fraction(1, 8), (3,)), Fraction(1, 2))
    assert found.p_stop == Fraction(1, 8)
    assert found.p_stop_early == 0
    assert found.expected_n == 3


def test_where_nobody_has_events_nothing_stops_and_where_everybody_has_all_do() -> None:
    boundary = pocock(P0, ALPHA, range(1, 31))
    assert operating_characteristics(boundary, 0) == Characteristics(
        p=Fraction(0),
        p_stop=Fraction(0),
        p_stop_early=Fraction(0),
        expected_n=Fraction(30),
        expected_events=Fraction(0),
    )
    assert operating_characteristics(boundary, 1) == Characteristics(
        p=Fraction(1),
        p_stop=Fraction(1),
        p_stop_early=Fraction(1),
        expected_n=Fraction(3),
        expected_events=Fraction(3),
    )


def test_floats_appear_only_at_the_end() -> None:
    found = operating_characteristics(pocock(Fraction(1, 2), Fraction(1, 8), (3,)), Decimal("0.1"))
    assert in_floats(found) == {
        "p": 0.1,
        "p_stop": 0.001,
        "p_stop_early": 0.0,
        "expected_n": 3.0,
        "expected_events": 0.3,
    }


def test_a_binary_float_is_refused_as_a_true_rate() -> None:
    with pytest.raises(TypeError, match="float"):
        operating_characteristics(pocock(P0, ALPHA, (3,)), 0.5)  # type: ignore[arg-type]


def every_trial(boundary: Boundary, p: Fraction) -> Characteristics:
    """Walk through all 2**N sequences of outcomes, each with its chance, asking `judge` where it stops."""
    last = boundary.looks[-1]
    p_stop = p_stop_early = expected_n = expected_events = Fraction(0)
    for outcomes in product((Status.EVENT, Status.COMPLETED), repeat=last):
        events = outcomes.count(Status.EVENT)
        chance = p**events * (1 - p) ** (last - events)
        crossed_at = judge(boundary, outcomes).crossed_at
        ended_at = last if crossed_at is None else crossed_at
        p_stop += chance if crossed_at is not None else 0
        p_stop_early += chance if crossed_at is not None and crossed_at < last else 0
        expected_n += chance * ended_at
        expected_events += chance * outcomes[:ended_at].count(Status.EVENT)
    return Characteristics(p, p_stop, p_stop_early, expected_n, expected_events)


@pytest.mark.parametrize("p", [Fraction(1, 4), Fraction(3, 10), Fraction(1, 2)])
@pytest.mark.parametrize(
    "boundary",
    [
        pocock(P0, ALPHA, range(1, 12)),
        pocock(Fraction(1, 4), Fraction(1, 5), range(1, 11)),
        pocock(P0, Decimal("0.25"), (3, 6, 9)),
        printed((None, 2, None, 2, 5)),
    ],
)
def test_every_possible_trial_adds_up_to_the_recursion(boundary: Boundary, p: Fraction) -> None:
    assert operating_characteristics(boundary, p) == every_trial(boundary, p)


@given(p=st.fractions(0, 1, max_denominator=30), last=st.integers(1, 20))
def test_mean_events_are_the_rate_times_the_mean_participants(p: Fraction, last: int) -> None:
    # Wald's identity: when to stop depends on the past only.
    found = operating_characteristics(pocock(P0, ALPHA, range(1, last + 1)), p)
    assert found.expected_events == p * found.expected_n


@given(rates=st.tuples(st.fractions(0, 1, max_denominator=30), st.fractions(0, 1, max_denominator=30)))
def test_a_more_toxic_treatment_is_stopped_no_less_often_and_no_later(
    rates: tuple[Fraction, Fraction],
) -> None:
    boundary = pocock(P0, ALPHA, range(1, 21))
    milder, harsher = (operating_characteristics(boundary, p) for p in sorted(rates))
    assert milder.p_stop <= harsher.p_stop
    assert milder.expected_n >= harsher.expected_n
