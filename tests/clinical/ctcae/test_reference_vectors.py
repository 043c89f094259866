"""Every row of the printed tables, both sides of every bound, through the door: see reference_vectors.yaml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clinical.ctcae import VERSIONS, calculate_grade
from clinical.ctcae.table import table
from clinical.ctcae.terms import plain_name
from clinical.units import KINDS

VECTORS: dict[str, list[dict[str, Any]]] = yaml.load(
    Path(__file__).with_name("reference_vectors.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
)
BOUNDS = re.compile(r"(\d)\.\.(\d)((?: \w+)*)")


def rows() -> Iterator[Any]:
    for section, found in VECTORS.items():
        for row in found:
            for version in row.get("versions", VERSIONS):
                name = f"{version} {row['given'].get('term', section)} {row['given'].get('unit', '')}"
                yield pytest.param(version, row["given"], row["cases"], id=name)


def agrees(answer: dict[str, Any], expected: int | str) -> bool:
    if "error" in answer:
        return False
    found = answer["grade"], answer["low"], answer["high"], set(answer["missing"])
    if isinstance(expected, int):
        return found == (expected, expected, expected, set())
    if expected == "?":
        return answer["grade"] is None and bool(answer["why"])
    bounds = BOUNDS.fullmatch(expected)
    assert bounds, expected
    low, high, names = int(bounds[1]), int(bounds[2]), set(bounds[3].split())
    return found[:3] == (None, low, high) and names <= found[3] and bool(answer["why"])


@pytest.mark.parametrize(("version", "given", "cases"), list(rows()))
def test_the_door_gives_what_the_printed_table_says(version: str, given: dict[str, Any], cases: list[Any]) -> None:
    for beside, expected in cases:
        request = {"ctcae": version, **given, **({"value": beside} if isinstance(beside, str) else beside)}
        answer = calculate_grade(request)
        assert agrees(answer, expected), (request, expected, answer)


def test_every_spelling_of_a_unit_gives_the_same_grade() -> None:
    """Units of one family agree exactly: the reported value is compared with a cut in its own unit."""
    for row in VECTORS["Haematology"]:
        if row["given"].get("unit") != "10^9/L":
            continue
        for beside, expected in row["cases"]:
            for spellings, _ in (group for group in KINDS["cells"]["10^9/L"] if group[1] == 1):
                for version in row.get("versions", VERSIONS):
                    given = {**row["given"], **({"value": beside} if isinstance(beside, str) else beside)}
                    if given["unit"] is not None:
                        for unit in spellings:
                            answer = calculate_grade({"ctcae": version, **given, "unit": unit.upper()})
                            assert agrees(answer, expected), (unit, given, expected, answer)


def test_every_block_has_a_vector() -> None:
    named = {plain_name(row["given"]["term"]) for rows_ in VECTORS.values() for row in rows_ if "term" in row["given"]}
    assert {name for version in VERSIONS for name in table(version).blocks} - named <= {"hemolysis"}
