"""Are equal values equal bytes, and do the bytes say all that was said?"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas import LabResulted, Refusal, parse
from schemas.canonical import canonical, content_digest, wire
from schemas.values import DECIMAL
from tests import builders
from tests.schemas.examples import Example, examples

LARGEST_EXACT = 2**53 - 1

keys = st.text(st.characters(max_codepoint=127), max_size=12)
leaves = st.none() | st.booleans() | st.integers(-LARGEST_EXACT, LARGEST_EXACT) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1851, 1, 1), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def accepted(**envelope: object) -> schemas.AnyFact:
    return builders.read(builders.lab(**envelope))  # type: ignore[arg-type]


@given(st.dictionaries(keys, values))
def test_canonical_bytes_are_those_of_rfc_8785(document: dict[str, object]) -> None:
    assert canonical(document) == rfc8785.dumps(document)  # type: ignore[arg-type]


@pytest.mark.parametrize("example", examples(), ids=str)
def test_canonical_bytes_of_an_example_are_those_of_rfc_8785(example: Example) -> None:
    fact = parse(example.raw)
    assert not isinstance(fact, Refusal)
    assert canonical(wire(fact)) == rfc8785.dumps(wire(fact))


@given(st.from_regex(DECIMAL, fullmatch=True))
def test_a_measured_value_keeps_its_digits(digits: str) -> None:
    fact = accepted(value=digits)
    kept = canonical(wire(fact))
    assert wire(fact)["data"]["value"] == digits
    assert schemas.read(kept) == fact


@pytest.mark.parametrize("digits", ["1.80", "80.0", "0.0000001", "0.000000000000000000", "-0.00"])
def test_no_measured_value_is_rewritten_with_an_exponent_or_without_its_zeros(digits: str) -> None:
    fact = accepted(value=digits)
    assert isinstance(fact, LabResulted)
    assert fact.data.value == Decimal(digits)
    assert wire(fact)["data"]["value"] == digits


@given(instants, zones)
def test_one_moment_named_in_two_zones_is_one_sequence_of_bytes(instant: datetime, zone: timezone) -> None:
    here = wire(accepted(time=instant.isoformat()))
    there = wire(accepted(time=instant.astimezone(zone).isoformat()))
    assert canonical(here) == canonical(there)
    assert here["time"].endswith("Z")
    assert datetime.fromisoformat(here["time"]) == instant


def test_a_year_is_checked_in_utc_so_that_what_was_accepted_can_be_read_again() -> None:
    refusal = parse(builders.as_bytes(builders.lab(time="1850-01-01T00:30:00+01:00")))
    assert isinstance(refusal, Refusal)
    assert refusal.path == "time"


@pytest.mark.parametrize(
    "carriage",
    [{"id": "another"}, {"recordedtime": "2026-05-01T00:00:00Z"}, {"datacontenttype": "application/json"}],
    ids=lambda carriage: next(iter(carriage)),
)
def test_how_a_fact_travelled_does_not_change_what_it_says(carriage: dict[str, str]) -> None:
    assert content_digest(wire(accepted(**carriage))) == content_digest(wire(accepted()))


@pytest.mark.parametrize(
    "said",
    [{"value": "36"}, {"value": "35.0"}, {"time": "2026-01-07T11:00:01Z"}, {"actor": "laboratory"}, {"trial": "OTHER"}],
    ids=lambda said: "-".join(map(str, *said.items())),
)
def test_anything_else_does(said: dict[str, str]) -> None:
    assert content_digest(wire(accepted(**said))) != content_digest(wire(accepted()))
