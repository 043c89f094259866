"""Kleene's three values, with the reasons of the third: what is certain is never lost, what is open says why."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.rules.truth import FALSE, TRUE, Truth, both, either, negated

EARLY, LATE = datetime(2026, 1, 12), datetime(2026, 1, 20)  # noqa: DTZ001  as dates of sources: without a zone
PENDING = Truth("pending", until=EARLY)
LATER = Truth("pending", until=LATE)
UNKNOWN = Truth("unknown", missing=("bilirubin",))


@pytest.mark.parametrize(
    ("parts", "all_of_them", "any_of_them"),
    [
        ((), "true", "false"),
        ((TRUE, FALSE), "false", "true"),
        ((FALSE, UNKNOWN), "false", "unknown"),
        ((TRUE, UNKNOWN), "unknown", "true"),
        ((FALSE, PENDING), "false", "pending"),
        ((TRUE, PENDING), "pending", "true"),
        ((PENDING, UNKNOWN), "unknown", "pending"),
    ],
)
def test_one_false_part_decides_all_and_one_true_part_decides_any(
    parts: tuple[Truth, ...], all_of_them: str, any_of_them: str
) -> None:
    assert (both(parts).verdict, either(parts).verdict) == (all_of_them, any_of_them)


def test_all_of_them_wait_for_the_last_and_any_of_them_for_the_first() -> None:
    assert both((PENDING, LATER)).until == LATE
    assert either((PENDING, LATER)).until == EARLY


def test_what_is_missing_is_named_beside_what_time_decides() -> None:
    assert either((PENDING, UNKNOWN)).missing == ("bilirubin",)
    assert both((PENDING, UNKNOWN)).until == EARLY


def test_what_is_true_no_longer_names_what_is_missing() -> None:
    assert either((TRUE, UNKNOWN)).missing == ()


truths = st.sampled_from((TRUE, FALSE, PENDING, LATER, UNKNOWN))
RANK = {"false": 0, "unknown": 1, "pending": 1, "true": 2}


@given(st.lists(truths, max_size=4))
def test_not_all_is_any_not(parts: list[Truth]) -> None:
    assert RANK[negated(both(parts)).verdict] == RANK[either(map(negated, parts)).verdict]


@given(st.lists(truths, max_size=4))
def test_the_order_of_parts_does_not_matter(parts: list[Truth]) -> None:
    shuffled = sorted(parts, key=lambda one: (one.until or EARLY, one.verdict))
    assert (both(parts), either(parts)) == (both(shuffled), either(shuffled))
