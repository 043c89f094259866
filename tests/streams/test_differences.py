"""Two rule sets over one ledger: what differs is said for whom, when and why; a new name differs for nobody."""

import json
from typing import Any

from protocols import shipped
from streams import differences, replay
from tests.builders import TRIAL, adopted, adverse_event, dose, enrolled, lab, read

PROTOCOL = shipped("ak117_hnscc")
FACTS = [
    adopted(),
    enrolled("P-002"),
    enrolled("P-001"),
    dose("P-001"),
    lab("P-001", "NEUT", "0.4", unit="10^9/L", lower="1.8", upper="7.5"),
    lab("P-001", "PLAT", "90", unit="10^9/L", lower="150", upper="400"),
    lab("P-001", "CK", "150", lower="20", upper="200"),
    lab("P-002", "CK", "450", lower="20", upper="200", on="2026-01-09"),
    lab("P-002", "ALT", "35", on="2026-01-08"),
    adverse_event("P-001", "Sepsis", 3),
]


def found(protocol: str | None = None, ctcae: str | None = None) -> list[dict[str, Any]]:
    """What would stand otherwise, as the door prints it."""
    facts = list(enumerate(map(read, FACTS), 1))
    now = replay.standing(TRIAL, facts)
    then = replay.standing(TRIAL, replay.under(facts, protocol, ctcae))
    return [json.loads(differences.line(one)) for one in differences.differences(TRIAL, now, then)]


def test_a_grade_that_would_differ_says_for_whom_when_and_why() -> None:
    count = next(one for one in found(ctcae="6.0") if one["key"].endswith("Neutrophil count decreased"))
    assert (count["participant"], count["on"], count["kind"]) == ("P-001", "2026-01-07", "grade")
    assert count["sentence"] == (
        "Participant P-001: NEUT 0.4 10^9/L of 2026-01-07 has Neutrophil count decreased, grade 4 (CTCAE 5.0); "
        "it would have Neutrophil count decreased, grade 3 (CTCAE 6.0)."
    )
    before, after = count["why"].split("; CTCAE 6.0: ")
    assert before.startswith("CTCAE 5.0: ")
    assert "grade 4, 10^9/L: < 0.5" in before
    assert "grade 3, 10^9/L: [0.1, 0.5)" in after
    assert (count["in_force"]["grade"], count["instead"]["grade"]) == (4, 3)


def test_a_term_that_is_only_renamed_differs_for_nobody() -> None:
    assert not [one for one in found(ctcae="6.0") if "PLAT" in one["key"]]


def test_a_grade_0_of_a_term_that_the_other_version_does_not_have_differs_for_nobody() -> None:
    of_ck = [one for one in found(ctcae="6.0") if "/CK/" in one["key"]]
    assert [one["participant"] for one in of_ck] == ["P-002"]
    assert of_ck[0]["instead"] is None
    assert "no grade under such a term" in of_ck[0]["sentence"]
    assert of_ck[0]["why"].endswith("CTCAE 6.0: not graded by value")


def test_the_same_rule_set_differs_in_nothing() -> None:
    assert found(PROTOCOL, "5.0") == []


def test_differences_come_by_participant_and_day() -> None:
    order = [(one["participant"], one.get("on", "")) for one in found(ctcae="6.0")]
    assert len(order) > 1
    assert order == sorted(order)


def test_a_rule_that_would_be_met_says_so_in_its_own_words() -> None:
    pilot = shipped("cdiscpilot01").replace("CDISCPILOT01", TRIAL)
    stricter = pilot.replace("grade: {at_least: 4}", "grade: {at_least: 3}")
    assert stricter != pilot
    facts = [(1, read(adopted(pilot))), (2, read(enrolled(group="Pbo"))), (3, read(adverse_event(term="Sepsis")))]
    now, then = (replay.standing(TRIAL, replay.under(facts, text, None)) for text in (pilot, stricter))
    said = [json.loads(differences.line(one)) for one in differences.differences(TRIAL, now, then)]
    rules = [one for one in said if one["kind"] == "participant_rule"]
    assert [(one["participant"], one["on"], one["in_force"]) for one in rules] == [("P-001", "2026-01-08", None)]
    assert rules[0]["sentence"] == f"This would stand: {rules[0]['instead']['sentence']}"


def test_nothing_is_a_summary_too() -> None:
    assert differences.summary([]) == "nothing would stand otherwise"
    facts = list(enumerate(map(read, FACTS), 1))
    now = replay.standing(TRIAL, facts)
    then = replay.standing(TRIAL, replay.under(facts, None, "6.0"))
    said = differences.summary(differences.differences(TRIAL, now, then))
    assert said.endswith("about 2 participants")
