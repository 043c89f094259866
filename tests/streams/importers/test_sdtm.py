"""What a folder of transport files says becomes facts; what cannot be a fact says why; no row is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from protocols import shipped
from schemas.findings import Change, Finding, GradeFinding, QueryFinding
from streams import replay
from streams.importers.sdtm import Import, Line, Message, UnreadableError, Unusable, read_trial
from streams.intake import Message as Sent
from streams.intake import outcome_line
from streams.local import Home
from tests.streams.importers.transport import FAILED, ONE, THREE, TRIAL, TWO, lab, protocol, small, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sdtm"), small())


@pytest.fixture(scope="module")
def told(folder: Path) -> Import:
    return read_trial(folder, TRIAL, protocol())


@pytest.fixture(scope="module")
def stands(told: Import, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    """What stands when the small trial is in a home, by key."""
    with Home(tmp_path_factory.mktemp("home")) as home:
        outcomes = home.receive([Sent(item.raw, item.address) for item in told if isinstance(item, Message)])
        refused = [line for line in map(outcome_line, outcomes) if line["outcome"] != "accepted"]
        assert [(line["outcome"], line["address"]) for line in refused] == [("conflict", "ae.xpt row 8")]
        changes: dict[str, Change] = replay.standing(TRIAL, home.ledger.facts(TRIAL))
    return {key: change.finding for key, change in changes.items()}


def documents(told: Import) -> Iterator[dict[str, Any]]:
    return (orjson.loads(item.raw) for item in told if isinstance(item, Message) and item.address != "protocol")


def said(told: Import, record: str) -> Any:
    """What the fact of a record says."""
    return next(one["data"] for one in documents(told) if one["record"] == record)


def grade(stands: dict[str, Finding], record: str, term: str) -> GradeFinding:
    finding = stands[f"grade|sdtm:{record.split('/')[1].lower()}|{record}|{term}"]
    assert isinstance(finding, GradeFinding)
    return finding


def questions(stands: dict[str, Finding], record: str) -> set[str]:
    cause = f"sdtm:{record.split('/')[1].lower()}|{record}"
    return {one.question for one in stands.values() if isinstance(one, QueryFinding) and one.causes == (cause,)}


def test_every_row_is_a_fact_or_merged_or_quarantined_by_domain(told: Import) -> None:
    assert told.account.balanced
    assert told.account.summary() == [
        Line("dm", read=5, facts=4, merged=0, quarantined=1, repeated=0, known=0),
        Line("ds", read=6, facts=3, merged=2, quarantined=1, repeated=0, known=0),
        Line("ex", read=4, facts=2, merged=0, quarantined=2, repeated=0, known=0),
        Line("ae", read=8, facts=5, merged=1, quarantined=2, repeated=1, known=0),
        Line("suppae", read=2, facts=0, merged=1, quarantined=1, repeated=0, known=0),
        Line("lb", read=10, facts=8, merged=0, quarantined=2, repeated=0, known=0),
        Line("vs", read=2, facts=1, merged=0, quarantined=1, repeated=0, known=0),
        Line("tu", read=2, facts=0, merged=2, quarantined=0, repeated=0, known=0),
        Line("tr", read=3, facts=2, merged=0, quarantined=1, repeated=0, known=0),
        Line("rs", read=1, facts=0, merged=1, quarantined=0, repeated=0, known=0),
    ]


def test_the_account_is_that_of_the_file_counted_row_by_row(told: Import) -> None:
    assert told.account.read == {domain: len(rows) for domain, rows in small().items()}
    placed = Counter(row.domain for item in told if isinstance(item, Message) for row in item.rows)
    placed.update(item.row.domain for item in told if isinstance(item, Unusable))
    assert placed == told.account.read


def test_what_cannot_be_a_fact_says_data_set_row_variable_and_reason(told: Import) -> None:
    assert [(item.address, item.path, item.reason) for item in told if isinstance(item, Unusable)] == [
        ("dm.xpt row 5", "ARMCD", "no group"),
        ("ds.xpt row 4", "DSSTDTC", "another date of death than in DM"),
        ("ex.xpt row 3", "EXDOSE", "no dose as a number"),
        ("ex.xpt row 4", "USUBJID", "the participant was never enrolled (DM)"),
        ("ae.xpt row 5", "AESEV", "a code that is not in the list"),
        ("ae.xpt row 6", "AESTDTC", "no usable date"),
        ("suppae.xpt row 2", "IDVARVAL", "no adverse event with this number became a fact"),
        ("lb.xpt row 8", "LBSTAT", "the test was not done"),
        ("lb.xpt row 9", "LBDTC", "no usable date"),
        ("vs.xpt row 2", "VSSTAT", "the measurement was not done"),
        ("tr.xpt row 3", "TRLNKID", "of no single lesion: sums are computed, never taken"),
    ]


def test_a_partial_date_stays_as_partial_as_it_is(told: Import) -> None:
    assert [said(told, f"{ONE}/AE/{number}")["onset"] for number in (1, 2, 3)] == ["2014-03-10", "2014-03", "2014"]


def test_the_day_of_consent_is_the_enrolment_and_a_screening_failure_is_no_participant(told: Import) -> None:
    assert said(told, f"{ONE}/DM")["enrolled_on"] == "2014-02-27"
    assert said(told, f"{THREE}/DM")["sex"] == "unknown"
    screening = said(told, f"{FAILED}/DM/screening")
    assert (screening["outcome"], screening["decided_on"]) == ("failed", "2014-03-09")


def test_results_stay_in_the_unit_they_were_reported_in_and_grade_alike(
    told: Import, stands: dict[str, Finding]
) -> None:
    assert [said(told, record)["unit"] for record in (f"{ONE}/LB/1", f"{TWO}/LB/1")] == ["g/dL", "g/L"]
    assert [grade(stands, record, "Anemia").grade for record in (f"{ONE}/LB/1", f"{TWO}/LB/1")] == [3, 3]


def test_a_censored_value_keeps_its_operator_and_has_bounds(told: Import, stands: dict[str, Finding]) -> None:
    assert (said(told, f"{ONE}/LB/2")["operator"], said(told, f"{ONE}/LB/2")["value"]) == ("<", "40")
    low = grade(stands, f"{ONE}/LB/2", "Hypoglycemia")
    assert (low.grade, low.low, low.high) == (None, 3, 4)


def test_a_word_is_no_number_and_a_count_without_a_unit_no_grade(told: Import, stands: dict[str, Finding]) -> None:
    assert said(told, f"{ONE}/LB/5")["coded"] == "YELLOW"
    count = grade(stands, f"{ONE}/LB/4", "Platelet count decreased")
    assert (count.grade, count.low, count.missing) == (None, None, ("unit",))


def test_a_severity_is_no_grade_but_bounds_it_and_says_so(stands: dict[str, Finding]) -> None:
    records = (f"{ONE}/AE/1", f"{ONE}/AE/2", f"{ONE}/AE/3", f"{TWO}/AE/1")
    reported = [grade(stands, record, "reported") for record in records]
    assert [one.grade for one in reported] == [None] * 4
    assert [(one.low, one.high) for one in reported] == [(1, 1), (2, 2), (3, 4), (5, 5)]
    assert all(one.why and "without a CTCAE grade" in one.why for one in reported)


def test_no_stopping_rule_counts_a_severity_as_a_grade(stands: dict[str, Finding]) -> None:
    """A severe event that is related may be of grade 4; nobody said so."""
    true = {one.participant for one in stands.values() if one.kind == "participant_rule"}
    assert ONE not in true


def test_contradictory_seriousness_is_asked_about_and_never_guessed(stands: dict[str, Finding]) -> None:
    assert "criterion_without_serious" in questions(stands, f"{ONE}/AE/3")
    assert "fatal_but_not_serious" in questions(stands, f"{TWO}/AE/1")
    assert questions(stands, f"{ONE}/AE/1") == set()


def test_a_death_in_two_domains_is_one_fact_of_the_event_that_was_fatal(told: Import) -> None:
    deaths = [one for one in documents(told) if "Died" in one["type"]]
    assert [(one["subject"], one["data"]) for one in deaths] == [
        (TWO, {"died_on": "2014-05-20", "cause": "adverse_event"})
    ]


def test_the_rows_of_a_visit_are_one_assessment_in_millimetres(told: Import) -> None:
    first, second = (said(told, f"{ONE}/TR/investigator/{visit}") for visit in (1, 2))
    assert (first["baseline"], second["baseline"]) == (True, False)
    assert [one["targets"][0]["millimetres"] for one in (first, second)] == ["31", "24.0"]  # 2.4 cm
    assert (second["new_lesion"], second["overall"]) == ("yes", "PD")


def test_a_drug_is_called_as_in_the_protocol_in_whatever_case_the_file_writes_it(told: Import) -> None:
    assert said(told, f"{ONE}/EX/1")["drug"] == "PLACEBO"


def test_a_file_that_was_cut_off_is_named_and_nothing_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, {"lb": [lab(ONE, 1, "HGB", "7.9", "g/dL")]})
    (folder / "lb.xpt").write_bytes((folder / "lb.xpt").read_bytes()[:-7])
    with pytest.raises(UnreadableError, match=r"lb\.xpt"):
        read_trial(folder, TRIAL, protocol())


def test_a_folder_without_a_domain_is_no_trial(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="none of the domains"):
        read_trial(tmp_path, "CDISCPILOT01", shipped("cdiscpilot01"))
