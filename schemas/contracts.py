"""Which JSON may stand on the wire? The JSON Schema of every fact and of every finding, computed from the models.

They are committed under `schemas/json`, so that a change of contract shows in review; a test holds the files against
this module, and `python -m tests.schemas.write_json_schemas` writes them anew.
"""

from typing import Any, get_args

from pydantic import TypeAdapter

from schemas import FACTS
from schemas.envelope import Fact
from schemas.findings import AnyFinding, Finding, State

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

TRAVELLING: JsonSchema = {
    "id": {
        "description": "A function of trial, position and key: what is sent twice is the same message.",
        "pattern": "^[0-9a-f]{32}$",
        "type": "string",
    },
    "trial": {"description": "The trial whose ledger it follows from.", "type": "string"},
    "state": {
        "description": "Whether it was raised, changed or withdrawn.",
        "enum": list(get_args(State)),
        "type": "string",
    },
    "since": {"description": "The position of the fact that caused the change.", "minimum": 1, "type": "integer"},
}
"""What the message of a change holds beside the finding itself. See `schemas.findings.message`."""

NAMED_ONLY_WHERE_KNOWN = ("participant", "scope")
"""The fields of a finding that are left out of the message, not null, where there is none."""


def contracts() -> dict[str, JsonSchema]:
    """Every contract by the name of its file: `<Fact>.v<n>` for the current version of each fact, and `finding`."""
    facts = {name.removeprefix("tocsin."): fact_contract(fact) for name, fact in FACTS.items()}
    return facts | {"finding": finding_contract()}


def fact_contract(fact: type[Fact]) -> JsonSchema:
    """What a message of one fact looks like at the door."""
    schema = fact.model_json_schema()
    envelope = Fact.model_json_schema()["properties"]
    schema["properties"]["type"]["description"] = envelope["type"]["description"]
    schema["properties"]["data"]["description"] = "What the fact says."
    if fact.about_participant:
        subject = schema["properties"]["subject"]
        subject |= subject.pop("anyOf")[0]
        del subject["default"]
        schema["required"].append("subject")
    return {"$schema": DIALECT} | schema


def finding_contract() -> JsonSchema:
    """What the message of a change looks like, for each kind of finding."""
    kinds = [_kind_contract(kind) for kind in get_args(AnyFinding)]
    return {
        "$schema": DIALECT,
        "title": "Finding",
        "description": "A finding that was raised, changed or withdrawn at a position of its trial's ledger.",
        "oneOf": [{"$ref": f"#/$defs/{kind['title']}"} for kind in kinds],
        "$defs": {kind["title"]: kind for kind in kinds},
    }


def _kind_contract(kind: type[Finding]) -> JsonSchema:
    schema = TypeAdapter(kind).json_schema()
    common = TypeAdapter(Finding).json_schema()["properties"]
    properties = {name: common.get(name, said) for name, said in schema["properties"].items()}
    for name, said in properties.items():
        said.pop("default", None)
        if name in NAMED_ONLY_WHERE_KNOWN:
            said |= said.pop("anyOf")[0]
    said_of_kind = {"const": kind.kind, "description": "The kind of finding.", "type": "string"}
    schema["properties"] = {"kind": said_of_kind, **TRAVELLING, **properties}
    schema["required"] = [name for name in schema["properties"] if name not in NAMED_ONLY_WHERE_KNOWN]
    return schema
