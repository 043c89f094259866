"""What a protocol assumes is shown with its value, in whatever form its rules were written."""

import re

import pytest

from clinical.protocol import read_protocol
from dashboards.live.assumed import assumptions
from protocols import shipped, shipped_names

FIRST_FORM = """participant_rules:
  - id: intolerable_toxicity
    sentence: An adverse event of grade 4, or a fatal one
    grade_at_least: {assumed: 4, reason: "The trial defined no such rule."}
    related_to: any
    action: {assumed: stop treatment and notify, reason: "The trial defined no such rule."}

"""


@pytest.mark.parametrize("name", shipped_names())
def test_every_assumption_of_a_shipped_protocol_has_a_value_and_a_reason(name: str) -> None:
    protocol = read_protocol(shipped(name))
    found = assumptions(protocol)
    assert len(found) == len(protocol.assumed)
    assert all(one.value and one.reason for one in found)


def test_a_ledger_whose_rules_were_written_in_their_first_form_is_shown_too() -> None:
    """A protocol that was adopted once is read for ever; such a rule is told by its sentence."""
    text = re.sub(r"participant_rules:\n.*?\n\n", FIRST_FORM, shipped("cdiscpilot01"), count=1, flags=re.DOTALL)
    found = {one.where: one.value for one in assumptions(read_protocol(text))}
    assert found["participant_rules.0.grade_at_least"] == "An adverse event of grade 4, or a fatal one"
