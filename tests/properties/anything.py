"""Which facts can be sent at all? Strategies made from the committed JSON Schemas, with a trial's words mixed in."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from protocols import shipped, shipped_names
from schemas.values import DECIMAL, PARTIAL_DATE
from tests.builders import TRIAL, Message, adopted

SCHEMAS = Path(__file__).parents[2] / "schemas" / "json"
DAYS = st.integers(0, 120).map(lambda n: f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}")
DATES = DAYS | DAYS.map(lambda day: day[:7]) | st.just("2026") | st.builds("{}T{}".format, DAYS, st.just("09:30"))
DRUGS = ("AK117", "cetuximab", "AK104")
TERMS = ("Anemia", "Sepsis", "Hypokalemia", "Alanine aminotransferase increased", "Fevr")
WORDS = st.sampled_from((*DRUGS, *TERMS, "blood", "urine", "1", "2", "Pbo"))
CODES = st.sampled_from(["ALT", "HGB", "NEUT", "CREAT", "K", "INR", "TEMP", "SYSBP", "WEIGHT", "OTHER"])
UNITS = st.sampled_from(["g/L", "g/dL", "mmol/L", "U/L", "10^9/L", "mg", "mg/kg", "%", "unheard of"])
NUMBERS = st.sampled_from(["0", "-1", "0.4", "3", "5.2", "90", "410", "100000", "0.000000000000000001"])
PEOPLE = st.sampled_from(["P-001", "P-002"])


def of(schema: dict[str, Any], name: str, defs: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A value that the schema describes."""
    if "$ref" in schema:
        return of(defs[schema["$ref"].rpartition("/")[2]], name, defs)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([of(one, name, defs) for one in schema["anyOf"]])
    match schema.get("type"):
        case "object":
            needed = set(schema.get("required", ()))
            fields = {key: of(inner, key, defs) for key, inner in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {key: one for key, one in fields.items() if key in needed},
                optional={key: one for key, one in fields.items() if key not in needed},
            )
        case "array":
            return st.lists(of(schema["items"], name, defs), min_size=schema.get("minItems", 0), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", 0), min(schema.get("maximum", 150), 150))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return _text(schema, name)


def _text(schema: dict[str, Any], name: str) -> st.SearchStrategy[str]:
    pattern = schema.get("pattern", "")
    if schema.get("format") == "date":
        return DAYS
    if schema.get("format") == "date-time":
        return DAYS.map("{}T12:00:00Z".format)
    if pattern == f"^{DECIMAL.pattern}$":
        return NUMBERS
    if pattern == f"^{PARTIAL_DATE.pattern}$":
        return DATES
    if name in {"analyte", "sign"}:
        return CODES
    if "{64}" in pattern:
        return st.just("0" * 64)
    return UNITS if name == "unit" else WORDS


@cache
def data_of(fact: str) -> st.SearchStrategy[Any]:
    """What a fact can say in its `data`."""
    schema = json.loads((SCHEMAS / f"{fact}.json").read_text("utf-8"))
    return of(schema["properties"]["data"], "data", schema["$defs"])


PROTOCOLS = st.sampled_from(
    [
        text.replace(old, new)
        for name in shipped_names()
        for text in [shipped(name).replace("CDISCPILOT01", TRIAL)]
        for old, new in (("", ""), ('"5.0"', '"6.0"'), ("toxicity_days: {assumed: 42", "toxicity_days: {assumed: 7"))
    ]
)
AMENDMENTS = st.builds(adopted, PROTOCOLS, clock=st.just("simulated"))
FACTS = sorted(path.stem for path in SCHEMAS.glob("*.v*.json"))
TOLD_BY_ITSELF = {"ProtocolAdopted.v1"}


@st.composite
def facts(draw: Any) -> Message:
    """One message of any type about one of few records."""
    kind = draw(st.sampled_from([name for name in FACTS if name not in TOLD_BY_ITSELF]))
    data = {} if kind == "RecordWithdrawn.v1" else draw(data_of(kind))
    if kind == "LabResulted.v1":  # a value or a coded result, never both
        data = data | draw(st.fixed_dictionaries({"value": NUMBERS, "coded": st.none()}))
    revision = draw(st.integers(1, 4))
    record = draw(st.integers(1, 3))
    person = draw(PEOPLE)
    told = {
        "specversion": "1.0",
        "id": "1",
        "source": "edc",
        "type": f"tocsin.{kind}",
        "trial": TRIAL,
        "record": f"{kind[:5] if kind != 'RecordWithdrawn.v1' else draw(st.sampled_from(FACTS))[:5]}/{person}/{record}",
        "revision": revision,
        "time": f"{draw(DAYS)}T12:00:00Z",
        "data": data,
    }
    if revision > 1:
        told["reason"] = "corrected"
    if kind not in {"ClockTicked.v1", "DataCutDeclared.v1", "AccessGranted.v1", "AccessRevoked.v1", "ViewServed.v1"}:
        told["subject"] = person
    return told
