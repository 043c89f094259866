"""People and treatment in rules: adjudication, steroids, delays, the end of treatment; and drugs that are suspected."""

import pytest

from tests.builders import Message, adverse_event, dose, lab, message, revised, withdrawn
from tests.clinical.rules.told import adjudicated, is_so, taken, verdict

GRADE_4 = "{event: {grade: {at_least: 4}}}"


def test_what_a_person_refuted_no_longer_stands_and_what_comes_later_does() -> None:
    event = adverse_event(term="Sepsis", grade=4)
    word = adjudicated("refuted", "2026-01-12", "progression")
    assert is_so(GRADE_4, event) == "true"
    assert is_so(GRADE_4, event, word) == "false"
    assert is_so(GRADE_4, event, word, adverse_event(term="Colitis", grade=4, onset="2026-02-01")) == "true"
    assert is_so(GRADE_4, event, word, revised(event, outcome="not_recovered")) == "true"
    assert is_so(GRADE_4, event, word, revised(word, verdict="confirmed")) == "true"
    assert is_so(GRADE_4, event, word, withdrawn(word)) == "true"


def test_a_suspicion_holds_and_a_confirmation_decides() -> None:
    confirmed = "{all_of: [{event: {terms: [Pneumonitis]}}, {adjudicated: {rule: tested, verdict: confirmed}}]}"
    event = adverse_event(term="Pneumonitis", grade=2)
    assert is_so(confirmed, event) == "false"
    assert is_so(confirmed, event, adjudicated("confirmed", "2026-01-12")) == "true"
    assert is_so(confirmed, event, adjudicated("undecided", "2026-01-12")) == "false"


def test_none_of_them_is_open_where_one_of_them_is() -> None:
    rule = "{all_of: [{event: {terms: [Sepsis]}}, {none_of: [{event: {terms: [Colitis], grade: {at_least: 3}}}]}]}"
    sepsis = adverse_event(term="Sepsis", grade=4)
    assert is_so(rule, sepsis) == "true"
    assert is_so(rule, sepsis, adverse_event(term="Colitis", grade=2)) == "true"
    assert is_so(rule, sepsis, adverse_event(term="Colitis", grade=3)) == "false"
    assert is_so(rule, sepsis, adverse_event(term="Colitis", grade=None)) == "unknown"


@pytest.mark.parametrize(
    ("cetuximab", "ak117", "stands", "drugs"),
    [
        ("related", "not_related", "true", ("cetuximab",)),
        ("not_related", "related", "true", ("AK117",)),
        (None, "related", "true", ("AK117", "cetuximab")),
        ("not_related", None, "true", ("AK117",)),
        ("not_related", "unlikely", "false", ()),
    ],
)
def test_the_drugs_that_are_suspected_are_those_not_judged_unrelated(
    cetuximab: str | None, ak117: str | None, stands: str, drugs: tuple[str, ...]
) -> None:
    said = tuple((drug, word) for drug, word in (("cetuximab", cetuximab), ("AK117", ak117)) if word)
    found = verdict(GRADE_4, adverse_event(term="Sepsis", grade=4, causality=said))
    assert (found.verdict if found else "false", found.drugs if found else ()) == (stands, drugs)


def test_a_rule_that_names_a_drug_asks_about_that_drug_alone() -> None:
    event = adverse_event(term="Sepsis", grade=4, causality=(("cetuximab", "not_related"), ("AK117", "related")))
    assert is_so(GRADE_4, event, drugs="[cetuximab]") == "false"
    assert is_so(GRADE_4, event, drugs="[AK117]") == "true"
    assert is_so(GRADE_4, adverse_event(term="Sepsis", grade=4), drugs="[AK104]") == "false"  # group 1 receives none


def test_related_to_all_needs_every_drug() -> None:
    rule = "{event: {grade: {at_least: 4}, related_to: all}}"
    one = (("cetuximab", "related"), ("AK117", "not_related"))
    assert is_so(rule, adverse_event(term="Sepsis", grade=4, causality=one)) == "false"
    assert is_so(rule, adverse_event(term="Sepsis", grade=4, causality=(("cetuximab", "related"),))) == "true"


def test_a_seriousness_that_nobody_stated_leaves_the_rule_open() -> None:
    """US text on cetuximab: a serious infusion reaction stops it; a grade 3 that is not serious does not."""
    rule = "{event: {terms: [Infusion related reaction], serious: true}}"
    event = adverse_event(term="Infusion related reaction", grade=3)
    found = verdict(rule, event)
    assert found is not None
    assert (found.verdict, found.missing) == ("unknown", ("seriousness of Infusion related reaction",))
    assert is_so(rule, revised(event, serious=True, criteria=["hospitalisation"])) == "true"
    assert is_so(rule, revised(event, serious=False)) == "false"


STEROID = "{taken: {purpose: steroid, daily_prednisone_mg: {more_than: '10'}, days_after_last_dose: 84}}"


def test_a_steroid_that_cannot_be_reduced_in_twelve_weeks() -> None:
    """P31: not at most 10 mg of prednisone a day by 12 weeks after the last dose, of 6 January: 31 March."""
    found = verdict(STEROID, taken("steroid", "methylprednisolone", "2026-01-20", dose="9"), now="2026-02-01")
    assert found is not None
    assert (found.verdict, found.until) == ("pending", "2026-03-31")
    course = taken("steroid", "methylprednisolone", "2026-01-20", dose="9")
    assert is_so(STEROID, course, now="2026-03-31") == "true"
    assert is_so(STEROID, revised(course, dose="8"), now="2026-03-31") == "false"  # 10 mg of prednisone
    assert is_so(STEROID, revised(course, ended="2026-03-01"), now="2026-03-31") == "false"
    assert is_so(STEROID, revised(course, dose=None, unit=None), now="2026-03-31") == "unknown"
    small = taken("steroid", "prednisone", "2026-03-01", dose="4")
    assert is_so(STEROID, revised(course, dose="6"), small, now="2026-03-31") == "true"  # 7.5 and 4
    assert is_so(STEROID, course, dose(on="2026-02-01"), now="2026-03-31") == "pending"


def omitted(on: str, reason: str) -> Message:
    data = {"drug": "AK117", "due": on, "reason": reason}
    return message("DoseOmitted.v1", data, record=f"ex/omitted/{on}", time=f"{on}T08:00:00Z", subject="P-001")


DELAY = "{delayed: {more_than_days: 42, except_reasons: [logistics]}}"
FOR_TOXICITY = omitted("2026-01-27", "adverse_event")


def test_a_delay_is_too_long_from_the_day_after_six_weeks_on() -> None:
    assert is_so(DELAY, FOR_TOXICITY, now="2026-02-02", drugs="[AK117]") == "false"
    assert is_so(DELAY, FOR_TOXICITY, now="2026-02-05", drugs="[AK117]") == "pending"
    assert is_so(DELAY, FOR_TOXICITY, now="2026-02-17", drugs="[AK117]") == "pending"
    assert is_so(DELAY, FOR_TOXICITY, now="2026-02-18", drugs="[AK117]") == "true"
    assert is_so(DELAY, FOR_TOXICITY, dose(on="2026-02-17"), now="2026-02-18", drugs="[AK117]") == "false"
    assert is_so(DELAY, FOR_TOXICITY, dose(on="2026-02-18"), now="2026-02-19", drugs="[AK117]") == "true"


def test_a_delay_for_which_nobody_gave_a_reason_is_unknown() -> None:
    assert is_so(DELAY, now="2026-02-17", drugs="[AK117]") == "false"
    found = verdict(DELAY, now="2026-02-18", drugs="[AK117]")
    assert found is not None
    assert (found.verdict, found.missing) == ("unknown", ("why no AK117 was given",))


def test_a_delay_for_logistics_does_not_count_nor_one_after_the_end() -> None:
    assert is_so(DELAY, omitted("2026-01-27", "logistics"), now="2026-03-01", drugs="[AK117]") == "false"
    both = (omitted("2026-02-03", "logistics"), FOR_TOXICITY)
    assert is_so(DELAY, *both, now="2026-03-01", drugs="[AK117]") == "true"
    data = {"ended_on": "2026-02-01", "cause": "progression"}
    ended = message("TreatmentEnded.v1", data, record="ds/end", time="2026-02-01T08:00:00Z", subject="P-001")
    assert is_so(DELAY, ended, now="2026-03-01", drugs="[AK117]") == "false"
    assert is_so("{ended: {causes: [progression]}}", ended) == "true"
    assert is_so("{ended: {causes: [pregnancy]}}", ended) == "false"


def test_treatment_ends_after_fifty_two_weeks() -> None:
    rule = "{treated: {more_than_days: 364}}"
    assert is_so(rule, now="2026-12-20") == "false"
    assert is_so(rule, now="2027-01-04") == "pending"
    assert is_so(rule, now="2027-01-05") == "true"


def test_a_lab_that_no_rule_reads_touches_no_judgement() -> None:
    from clinical.monitor import step
    from clinical.state import Trial
    from tests.builders import TRIAL, adopted, enrolled, read
    from tests.clinical.rules.told import protocol_with

    trial = Trial(TRIAL)
    for position, one in enumerate((adopted(protocol_with(GRADE_4)), enrolled(), dose()), start=1):
        trial, _ = step(trial, read(one), position)
    after, _ = step(trial, read(lab(on="2026-01-20")), 4)
    assert after.participants["P-001"].judged is trial.participants["P-001"].judged
    assert after.cohorts is trial.cohorts
