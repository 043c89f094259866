"""How each drug stands, and which doses contradict what stood: by rules of our own, one for each kind of action."""

import json
from typing import Any

import pytest
import yaml

from clinical.monitor import standing, step
from clinical.state import Trial
from protocols import shipped
from schemas.findings import DoseDecisionFinding, QueryFinding
from tests.builders import (
    TRIAL,
    Message,
    adopted,
    adverse_event,
    dose,
    enrolled,
    message,
    read,
    revised,
    tick,
    withdrawn,
)


def rule(name: str, term: str, *actions: dict[str, Any], drugs: object = "suspected") -> dict[str, Any]:
    """A rule that acts on an event of one term."""
    return {
        "id": name,
        "sentence": f"{term} of any grade",
        "basis": "assumed",
        "source": "Only for this test.",
        "when": {"event": {"terms": [term]}},
        "drugs": drugs,
        "actions": list(actions),
    }


HOLD = {"hold": {"resume": {"words": "grade 1 or less", "grade_at_most": 1}}}
HOLD_TWO_WEEKS = {"hold": {"resume": {"words": "grade 1 or less", "grade_at_most": 1}, "at_most_days": 14}}
RULES = [
    rule("intolerable_toxicity", "Sepsis", {"discontinue": {}}),
    rule("rash", "Rash acneiform", HOLD_TWO_WEEKS, drugs=["cetuximab"]),
    rule("reaction", "Infusion related reaction", {"slow": {"to_percent": "50"}}, drugs=["cetuximab"]),
    rule("nails", "Paronychia", {"reduce": {"to": "200", "unit": "mg/m2"}}, drugs=["cetuximab"]),
    rule("anaemia", "Anemia", HOLD, drugs=["AK117"]),
    rule("blood", "Hemolysis", HOLD, drugs=["AK117", "cetuximab"]),
    rule("heart", "Myocarditis", {"end_treatment": {}}),
]
DOSING = {"tolerance_percent": 10, "cascade": [{"stopped": "AK117", "stops": ["cetuximab"]}]}


def told(*messages: Message) -> tuple[dict[str, str], list[tuple[str, str]], Trial]:
    """How the drugs stand, what is asked about doses, and the trial. The changes add up to what stands."""
    document = yaml.safe_load(shipped("ak117_hnscc"))
    document |= {"participant_rules": RULES, "dosing": DOSING}
    trial, stands = Trial(TRIAL), dict[str, object]()
    first = (
        adopted(json.dumps(document)),
        enrolled(),
        dose(on="2026-01-06"),
        dose(drug="cetuximab", on="2026-01-06"),
    )
    for position, one in enumerate((*first, *messages), start=1):
        trial, changes = step(trial, read(one), position)
        for change in changes:
            stands[change.finding.key] = change.finding
            if change.state == "withdrawn":
                del stands[change.finding.key]
    found = standing(trial)
    assert stands == found
    drugs: dict[str, str] = {one.drug: one.action for one in found.values() if isinstance(one, DoseDecisionFinding)}
    asked = [
        (one.causes[0].rpartition("/")[2], one.sentence)
        for one in found.values()
        if isinstance(one, QueryFinding) and one.question == "mismatch"
    ]
    return drugs, sorted(asked), trial


def event(term: str, *, onset: str, grade: int = 2, related: str = "cetuximab", **data: Any) -> Message:
    other = "AK117" if related == "cetuximab" else "cetuximab"
    causality = ((related, "related"), (other, "not_related"))
    return adverse_event(term=term, grade=grade, onset=onset, causality=causality, data={"serious": False} | data)


def infusion(on: str, percent: str = "100", given: str = "400") -> Message:
    """Cetuximab for 1.6 m²: 250 mg/m² are 400 mg."""
    said = {"rate_percent": percent, "body_surface_m2": "1.6"}
    return dose(drug="cetuximab", on=on, given=given, data=said)


def test_nothing_is_said_of_drugs_that_are_given_as_planned() -> None:
    assert told()[0] == {}


def test_a_hold_stands_until_recovery_and_a_dose_inside_it_is_asked_about() -> None:
    anaemia = event("Anemia", onset="2026-01-10", related="AK117")
    drugs, asked, _ = told(anaemia, dose(on="2026-01-27"))
    assert drugs == {"AK117": "held"}
    assert asked == [
        (
            "2026-01-27",
            "Participant P-001: AK117 was given on 2026-01-27, but was on hold since 2026-01-10 (Anemia of any grade).",
        )
    ]
    over = revised(anaemia, end="2026-01-20", outcome="recovered")
    assert told(anaemia, over, dose(on="2026-01-27"))[:2] == ({}, [])
    assert told(anaemia, dose(on="2026-01-12"), over)[0] == {}
    assert [day for day, _ in told(anaemia, dose(on="2026-01-12"), over)[1]] == ["2026-01-12"]


def test_every_hold_there_was_counts_not_only_the_last() -> None:
    first = event("Anemia", onset="2026-01-08", related="AK117", end="2026-01-12", outcome="recovered")
    second = event("Anemia", onset="2026-02-01", related="AK117") | {"record": "ae/second"}
    drugs, asked, _ = told(first, dose(on="2026-01-10"), dose(on="2026-01-20"), second, dose(on="2026-02-10"))
    assert drugs == {"AK117": "held"}
    assert [day for day, _ in asked] == ["2026-01-10", "2026-02-10"]


def test_a_hold_that_lasts_too_long_is_a_stop_found_by_a_tick_alone() -> None:
    rash = event("Rash acneiform", onset="2026-01-10")
    assert told(rash, tick("2026-01-23T23:00:00Z"))[0] == {"cetuximab": "held"}
    assert told(rash, tick("2026-01-24T00:00:00Z"))[0] == {"cetuximab": "stopped"}
    over = revised(rash, end="2026-01-22", outcome="recovered")
    assert told(rash, tick("2026-01-24T00:00:00Z"), over)[0] == {}
    late = revised(rash, end="2026-01-25", outcome="recovered")
    assert told(rash, tick("2026-01-26T00:00:00Z"), late)[0] == {"cetuximab": "stopped"}


def test_a_slower_infusion_is_for_ever_and_what_nobody_measured_is_not_asked_about() -> None:
    reaction = event("Infusion related reaction", onset="2026-01-06", end="2026-01-06", outcome="recovered")
    unknown = dose(drug="cetuximab", on="2026-01-20", given="400")
    drugs, asked, _ = told(reaction, infusion("2026-01-13", "50"), unknown, infusion("2026-01-27"))
    assert drugs == {"cetuximab": "slowed"}
    assert [day for day, _ in asked] == ["2026-01-27"]


@pytest.mark.parametrize(("given", "wrong"), [("320", False), ("352", False), ("353", True), ("400", True)])
def test_a_reduced_dose_may_be_larger_by_the_tolerance_only(*, given: str, wrong: bool) -> None:
    """200 mg/m² for 1.6 m² are 320 mg; with 10 % tolerance 352."""
    drugs, asked, _ = told(event("Paronychia", onset="2026-01-10"), infusion("2026-01-13", given=given))
    assert drugs == {"cetuximab": "reduced"}
    assert bool(asked) is wrong


def test_a_dose_without_a_body_surface_cannot_be_held_against_a_dose_per_square_metre() -> None:
    assert told(event("Paronychia", onset="2026-01-10"), dose(drug="cetuximab", on="2026-01-13", given="400"))[1] == []


def test_a_stop_is_the_suspected_drugs_and_goes_over_to_the_partner_as_the_protocol_says() -> None:
    assert told(event("Sepsis", onset="2026-01-10", grade=4))[0] == {"cetuximab": "stopped"}
    drugs, _, trial = told(event("Sepsis", onset="2026-01-10", grade=4, related="AK117"))
    assert drugs == {"AK117": "stopped", "cetuximab": "stopped"}
    partner = standing(trial)["dose_decision|P-001|cetuximab"]
    assert isinstance(partner, DoseDecisionFinding)
    assert partner.rules == ("partner_stopped",)
    assert "cetuximab is not given without AK117" in partner.reason


def test_what_a_person_ended_is_stopped_and_a_dose_on_the_day_itself_is_not_asked_about() -> None:
    end = message(
        "TreatmentEnded.v1",
        {"ended_on": "2026-01-20", "cause": "progression"},
        record="ds/end",
        time="2026-01-20T09:00:00Z",
        subject="P-001",
    )
    drugs, asked, _ = told(end, dose(on="2026-01-20"), infusion("2026-01-21"))
    assert drugs == {"AK117": "stopped", "cetuximab": "stopped"}
    assert [day for day, _ in asked] == ["2026-01-21"]
    assert told(end, infusion("2026-01-21"), withdrawn(end))[:2] == ({}, [])


def test_a_rule_that_names_drugs_acts_on_those_of_them_that_are_suspected() -> None:
    assert told(event("Hemolysis", onset="2026-01-10"))[0] == {"cetuximab": "held"}
    both = adverse_event(term="Hemolysis", grade=2, onset="2026-01-10", data={"serious": False})
    assert told(both)[0] == {"AK117": "held", "cetuximab": "held"}


def test_the_end_of_all_treatment_stops_every_drug() -> None:
    assert told(event("Myocarditis", onset="2026-01-10", grade=3))[0] == {"AK117": "stopped", "cetuximab": "stopped"}


def test_a_stop_by_mistake_is_taken_back_with_its_question_and_names_the_fact_that_made_it() -> None:
    sepsis = event("Sepsis", onset="2026-01-10", grade=4)
    drugs, asked, trial = told(sepsis, infusion("2026-01-13"))
    assert (drugs, len(asked)) == ({"cetuximab": "stopped"}, 1)
    assert standing(trial)["dose_decision|P-001|cetuximab"].causes == (f"edc|{sepsis['record']}",)
    assert told(sepsis, infusion("2026-01-13"), withdrawn(sepsis))[:2] == ({}, [])
    assert told(sepsis, infusion("2026-01-13"), revised(sepsis, term="Sinusitis"))[:2] == ({}, [])


def test_the_order_in_which_a_dose_and_its_reason_are_reported_does_not_matter() -> None:
    anaemia, given = event("Anemia", onset="2026-01-10", related="AK117"), dose(on="2026-01-12")
    assert told(anaemia, given)[:2] == told(given, anaemia)[:2]


def test_where_dates_leave_it_open_nothing_is_asked() -> None:
    assert told(event("Anemia", onset="2026-01", related="AK117"), dose(on="2026-01-12"))[1] == []
    assert told(event("Anemia", onset="2026-01-12", related="AK117"), dose(on="2026-01-12"))[1] == []
    assert len(told(event("Anemia", onset="2026-01-12T08:00", related="AK117"), dose(on="2026-01-12T10:00"))[1]) == 1


def test_the_strongest_state_is_said_and_the_others_stand_beside_it() -> None:
    told_of = (
        event("Infusion related reaction", onset="2026-01-06", end="2026-01-06", outcome="recovered"),
        event("Paronychia", onset="2026-01-10"),
    )
    decision = standing(told(*told_of)[2])["dose_decision|P-001|cetuximab"]
    assert isinstance(decision, DoseDecisionFinding)
    assert (decision.action, decision.dose, decision.rate_percent) == ("reduced", "200 mg/m2", "50")
    held = told(*told_of, event("Rash acneiform", onset="2026-01-12"))[2]
    decision = standing(held)["dose_decision|P-001|cetuximab"]
    assert isinstance(decision, DoseDecisionFinding)
    assert (decision.action, decision.until) == ("held", "2026-01-26")
    assert decision.sentence == (
        "Participant P-001: cetuximab is on hold since 2026-01-12: Rash acneiform of any grade "
        "(Rash acneiform, grade 2). It resumes with: grade 1 or less."
    )
