"""Are the committed JSON Schemas what the code says, and does each field say what it means?"""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from schemas import FACTS
from schemas.contracts import JsonSchema, contracts
from schemas.findings import (
    AnyFinding,
    Change,
    CohortRuleFinding,
    DoseDecisionFinding,
    EvaluabilityFinding,
    GradeFinding,
    ParticipantRuleFinding,
    QueryFinding,
    message,
)
from tests.schemas.write_json_schemas import FOLDER, committed_text

COMMON: dict[str, Any] = {"key": "k", "rule": "r", "version": "1", "causes": ("edc|AE-1",), "sentence": "So it is."}
FINDINGS: tuple[AnyFinding, ...] = (
    GradeFinding(
        **COMMON, participant="04-003", term="Anemia", basis="laboratory", on="2025-02", grade=None, low=1, high=3
    ),
    ParticipantRuleFinding(
        **COMMON,
        participant="04-003",
        verdict="true",
        drugs=("AK117",),
        action="stop",
        causality="not yet given",
        on=None,
    ),
    DoseDecisionFinding(
        **COMMON, participant="04-003", drug="AK117", action="held", on=None, reason="Anaemia", rules=("r",)
    ),
    EvaluabilityFinding(**COMMON, participant="04-003", scope="1", status="pending", until="2025-03-04"),
    CohortRuleFinding(
        **COMMON,
        scope="1",
        verdict="possible",
        official=False,
        certain=False,
        possible=True,
        x=1,
        n=3,
        bound=None,
        distance=2,
        enrolled=5,
        events=2,
        pending=1,
    ),
    QueryFinding(**COMMON, question="serious_without_criterion"),
)


def properties(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """Every property of an object schema and of everything defined inside it, by its path."""
    for name, said in schema.get("properties", {}).items():
        yield f"{schema['title']}.{name}", said
    for inner in schema.get("$defs", {}).values():
        yield from properties(inner)


def test_the_committed_contracts_are_what_the_code_says() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    computed = {f"{name}.json": committed_text(schema) for name, schema in contracts().items()}
    stale = sorted(name for name in committed.keys() | computed.keys() if committed.get(name) != computed.get(name))
    assert not stale, "run `make schemas` and commit what changed"


def test_every_fact_has_one_contract() -> None:
    assert contracts().keys() == {name.removeprefix("tocsin.") for name in FACTS} | {"finding"}


@pytest.mark.parametrize("name", contracts())
def test_every_field_says_what_it_means(name: str) -> None:
    unexplained = [path for path, said in properties(contracts()[name]) if not said.get("description")]
    assert not unexplained


@pytest.mark.parametrize("name", contracts())
def test_no_contract_lets_a_binary_float_in(name: str) -> None:
    assert '"type": "number"' not in json.dumps(contracts()[name])


@pytest.mark.parametrize("name", contracts())
def test_no_contract_lets_an_unknown_field_in(name: str) -> None:
    schema = contracts()[name]
    objects = [one for one in (schema, *schema["$defs"].values()) if "properties" in one]
    assert objects
    assert all(one["additionalProperties"] is False for one in objects)


def test_every_kind_of_finding_has_a_sample_here() -> None:
    assert {type(finding) for finding in FINDINGS} == set(get_args(AnyFinding))


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.kind)
def test_a_change_on_the_wire_has_the_fields_of_its_contract(finding: AnyFinding) -> None:
    contract = contracts()["finding"]["$defs"][type(finding).__name__]
    told = message("AK117-HNSCC-II", Change("raised", 7, finding))
    assert set(contract["required"]) <= told.keys() <= contract["properties"].keys()
    assert told["kind"] == contract["properties"]["kind"]["const"]
