"""Which small values pass the door, and which day does a partial date mean?"""

import re
from calendar import monthrange
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import LabResulted, Refusal, parse
from schemas.values import earliest_day, latest_day
from tests import builders


def refusal_of(message: builders.Message) -> Refusal:
    refusal = parse(builders.as_bytes(message))
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.parametrize("number", ["80", "80.0", "-1", "8e1", "1e400", "0"])
def test_a_measured_value_as_a_json_number_is_refused_with_its_path(number: str) -> None:
    raw = builders.as_bytes(builders.lab(value="80.0")).replace(b'"80.0"', number.encode())
    refusal = parse(raw)
    assert isinstance(refusal, Refusal)
    assert refusal.path == "data.value"
    assert "JSON string" in refusal.message


@pytest.mark.parametrize("text", ["", " 80", "80 ", "+80", "8e1", ".5", "5.", "080", "NaN", "Infinity", "８０", "80,0"])
def test_a_measured_value_is_digits_and_nothing_else(text: str) -> None:
    assert refusal_of(builders.lab(value=text)).path == "data.value"


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2024-02-30", "2024-13", "2024-00", "2024-1", "20240101", "0024", "9999", "2024-02-29T25:00", "now"],
)
def test_a_date_that_does_not_exist_is_refused(text: str) -> None:
    assert refusal_of(builders.lab(data={"collected": text})).path == "data.collected"


@pytest.mark.parametrize("text", ["2024", "2024-02", "2024-02-29", "2024-02-29T09:12", "2024-02-29T09:12:30"])
def test_a_date_is_kept_as_precisely_as_it_is_known(text: str) -> None:
    fact = builders.read(builders.lab(data={"collected": text}))
    assert isinstance(fact, LabResulted)
    assert fact.data.collected == text


@pytest.mark.parametrize(
    ("partial", "earliest", "latest"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-02", date(2023, 2, 1), date(2023, 2, 28)),
        ("2024-12", date(2024, 12, 1), date(2024, 12, 31)),
        ("2024-02-29T09:12", date(2024, 2, 29), date(2024, 2, 29)),
    ],
)
def test_a_partial_date_means_any_day_between_two(partial: str, earliest: date, latest: date) -> None:
    assert earliest_day(partial) == earliest
    assert latest_day(partial) == latest


@given(st.dates(date(1850, 1, 1), date(2200, 12, 31)))
def test_a_month_means_all_its_days(day: date) -> None:
    month = day.isoformat()[:7]
    assert earliest_day(month) <= day <= latest_day(month)
    assert (latest_day(month) - earliest_day(month)).days + 1 == monthrange(day.year, day.month)[1]


@pytest.mark.parametrize("text", ["2023-02-29", "2024-02", "2024-02-29T00:00:00", "20240229", "2024-W01-1"])
def test_a_day_of_enrolment_is_a_whole_day_that_exists(text: str) -> None:
    message = builders.enrolled()
    assert refusal_of(message | {"data": message["data"] | {"enrolled_on": text}}).path == "data.enrolled_on"


@pytest.mark.parametrize(
    "text", ["2024-02-29", "2024-02-29T09:12:00", "1709197920", "2023-02-29T09:12:00Z", "2024-02-29T09:12:61Z", ""]
)
def test_an_instant_exists_and_names_its_zone(text: str) -> None:
    assert refusal_of(builders.lab(time=text)).path == "time"


@pytest.mark.parametrize("field", ["id", "source", "record", "trial", "subject"])
@pytest.mark.parametrize("text", ["", " a", "a\n", "a b", "é", "a" * 121])
def test_an_identifier_is_of_one_line_and_of_plain_letters(field: str, text: str) -> None:
    assert refusal_of(builders.lab(**{"id": "lb-1", field: text})).path == field  # type: ignore[arg-type]


def test_the_study_treatment_as_a_whole_is_a_drug_and_other_stars_are_none() -> None:
    builders.read(builders.adverse_event(causality=(("*", "related"),)))
    refusal = refusal_of(builders.adverse_event(causality=(("**", "related"),)))
    assert refusal.path == "data.causality.0.drug"


def test_a_correction_without_a_reason_is_refused_at_the_reason() -> None:
    assert refusal_of(builders.lab(revision=2)) == Refusal("reason", "a revision needs a reason")


def test_a_fact_about_a_participant_names_the_participant() -> None:
    message = builders.lab()
    del message["subject"]
    assert refusal_of(message).path == "subject"


@pytest.mark.parametrize("number", ["true", '"1"', "1.0", "0", "-1", "1000001", "1" + "0" * 40])
def test_a_revision_counts_from_one(number: str) -> None:
    raw = re.sub(rb'"revision":1\b', b'"revision":' + number.encode(), builders.as_bytes(builders.lab()))
    refusal = parse(raw)
    assert isinstance(refusal, Refusal)
    assert refusal.path == "revision"
