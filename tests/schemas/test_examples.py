"""Does every fact, in every version it ever had, have an example that the door still reads?"""

import re

import pytest

import schemas
from schemas import FACTS, Refusal, parse
from schemas.canonical import canonical, content_digest, wire
from schemas.facts.adverse_events import ANY_DRUG, AdverseEventReported, Causality
from schemas.upcasts import UPCASTS
from tests.schemas.examples import Example, examples, named

TYPE = re.compile(r"tocsin\.([A-Z][A-Za-z]+)\.v([1-9][0-9]*)")

every_example = pytest.mark.parametrize("example", examples(), ids=str)


def fact_of(example: Example) -> schemas.AnyFact:
    fact = parse(example.raw)
    assert not isinstance(fact, Refusal), fact
    return fact


def test_every_version_of_every_fact_has_an_example() -> None:
    assert {example.type for example in examples()} == FACTS.keys() | UPCASTS.keys()


def test_versions_count_one_two_three_without_gaps() -> None:
    versions: dict[str, list[int]] = {}
    for name in FACTS.keys() | UPCASTS.keys():
        matched = TYPE.fullmatch(name)
        assert matched, name
        versions.setdefault(matched[1], []).append(int(matched[2]))
    for fact, numbers in versions.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), fact
        assert f"tocsin.{fact}.v{max(numbers)}" in FACTS, fact


def test_a_fact_is_called_as_its_class() -> None:
    for name, fact in FACTS.items():
        assert name.split(".")[1] == fact.__name__


@pytest.mark.parametrize("older", UPCASTS)
def test_an_upcast_leads_one_version_on(older: str) -> None:
    matched = TYPE.fullmatch(older)
    assert matched
    for example in examples():
        if example.type == older:
            assert UPCASTS[older](example.document)["type"] == f"tocsin.{matched[1]}.v{int(matched[2]) + 1}"


@every_example
def test_an_example_is_read_as_the_current_version_of_its_fact(example: Example) -> None:
    assert example.document["type"] == example.type
    assert type(fact_of(example)).__name__ == example.fact


@every_example
def test_what_the_ledger_keeps_of_an_example_is_the_same_fact(example: Example) -> None:
    fact = fact_of(example)
    kept = canonical(wire(fact))
    assert parse(kept) == fact
    assert schemas.read(kept) == fact
    assert canonical(wire(schemas.read(kept))) == kept


@every_example
def test_an_example_names_people_by_code_only(example: Example) -> None:
    subject = example.document.get("subject")
    assert subject is None or re.fullmatch(r"[0-9]{2}-[0-9]{3}", subject)


@pytest.mark.parametrize("example", [one for one in examples() if one.type in UPCASTS], ids=str)
def test_a_ledger_written_under_an_older_version_can_still_be_read(example: Example) -> None:
    assert schemas.read(canonical(example.document)) == fact_of(example)


def test_a_causality_of_the_whole_treatment_stays_one_of_the_whole() -> None:
    fact = fact_of(named("AdverseEventReported/v1/causality_of_the_whole_treatment"))
    assert isinstance(fact, AdverseEventReported)
    assert fact.data.causality == (Causality(drug=ANY_DRUG, investigator="possible"),)


def test_a_causality_not_given_in_version_1_is_not_invented() -> None:
    fact = fact_of(named("AdverseEventReported/v1/causality_not_yet_given"))
    assert isinstance(fact, AdverseEventReported)
    assert fact.data.causality == ()


def test_a_message_of_version_1_whose_data_is_a_list_of_pairs_is_refused() -> None:
    document = named("AdverseEventReported/v1/causality_not_yet_given").document
    refusal = parse(canonical(document | {"data": [["term", "Nausea"], ["grade", 2]]}))
    assert refusal == Refusal("data", "this is not the shape of tocsin.AdverseEventReported.v1")


def test_the_same_report_under_both_versions_is_a_duplicate() -> None:
    older = named("AdverseEventReported/v1/causality_of_the_whole_treatment")
    newer = older.document
    newer["type"] = "tocsin.AdverseEventReported.v2"
    newer["data"]["causality"] = [{"drug": ANY_DRUG, "investigator": newer["data"]["causality"]}]
    read_newer = parse(canonical(newer))
    assert not isinstance(read_newer, Refusal)
    assert content_digest(wire(read_newer)) == content_digest(wire(fact_of(older)))
