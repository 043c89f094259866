"""A protocol file that says what no rule can mean is refused, with the exact place."""

import pytest

from clinical.protocol import ProtocolError, read_protocol
from protocols import shipped
from tests.clinical.rules.told import protocol_with


@pytest.mark.parametrize(
    ("when", "path"),
    [
        ("{evnt: {}}", "participant_rules.0.when.evnt"),
        (
            "{any_of: [{event: {}}, {lab: {analytes: [ALT], times_uper_limit: {}}}]}",
            "participant_rules.0.when.any_of.1.lab.times_uper_limit",
        ),
        ("{event: {}, died: {causes: [unknown]}}", "participant_rules.0.when"),
        ("{lasting: {what: {event: {}}}}", "participant_rules.0.when.lasting"),
        ("{lab: {analytes: [ALT], times_upper_limit: {}}}", "participant_rules.0.when.lab.times_upper_limit"),
    ],
)
def test_a_misspelt_operator_or_parameter_is_named_by_its_path(when: str, path: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        read_protocol(protocol_with(when))
    assert path in {where for where, _ in refused.value.problems}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{event: {groups: [lungs]}}", "the term group lungs"),
        ("{rule: {any_of: [intolerable_toxicity]}}", "does not stand above it"),
        ("{adjudicated: {rule: no_rule, verdict: confirmed}}", "the rule no_rule"),
    ],
)
def test_a_name_that_the_protocol_does_not_have_is_refused(when: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        read_protocol(protocol_with(when))


def test_the_forty_rules_of_the_reference_list_stand_in_the_first_protocol() -> None:
    text = shipped("ak117_hnscc")
    assert [number for number in range(1, 41) if f"P{number:02d}" not in text] == []
    protocol = read_protocol(text)
    assert all(rule.source and rule.basis for rule in protocol.participant_rules)


def test_a_value_may_name_its_own_basis() -> None:
    text = protocol_with('{event: {grade: {at_least: {label: 4, source: "Erbitux, section 2"}}}}')
    assert read_protocol(text).given_by == {
        "participant_rules.0.when.event.grade.at_least": "label: Erbitux, section 2"
    }
