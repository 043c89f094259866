"""The examples in every block of both versions: on both sides of every bound."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from clinical.ctcae import VERSIONS, Baseline, Facts, Grade, Measurement, grade
from clinical.ctcae.request import _value
from clinical.ctcae.table import Block, table
from clinical.ctcae.terms import term_grades
from clinical.units import KINDS, resolve

Example = tuple[Block, str, str, str]


def examples() -> Iterator[Example]:
    """`mmol/L; lln 3.5; symptoms | 3.5:0 3.49:2` is two examples in one context."""
    for version in VERSIONS:
        for block in table(version).blocks.values():
            for line in block.examples:
                context, _, pairs = line.partition("|")
                for pair in pairs.split():
                    value, _, expected = pair.partition(":")
                    yield block, context.strip(), value, expected


def measured(block: Block, context: str, value: str) -> Measurement:

    given: dict[str, Decimal] = {}
    facts: dict[str, bool] = {}
    baseline = analyte = unit = None
    for part in (each.strip() for each in context.split(";")):
        words = part.split()
        if words[0] == "bl":
            baseline = read_baseline(words[1:])
        elif words[0] in {"lln", "uln", "percent", "age"}:
            given[{"percent": "percent_change"}.get(words[0], words[0])] = Decimal(words[1])
        elif words[-1] in Facts._fields:
            facts[words[-1]] = words[0] != "not"
        elif words[0] == "diastolic":
            analyte = "DIABP"
        elif part not in {"none", ""}:
            unit = part
    operator, exact = _value(value, block.term, unit)
    return Measurement(
        exact,
        unit,
        given.get("lln"),
        given.get("uln"),
        operator,
        baseline,
        given.get("percent_change"),
        None,
        given.get("age"),
        Facts(**facts),
        analyte,
    )


def read_baseline(words: list[str]) -> Baseline:
    """`bl 80`, `bl 80 high`, `bl 41 of 40` (its own upper limit)."""
    if len(words) == 3:
        return Baseline(Decimal(words[0]), None, Decimal(words[2]), None)
    return Baseline(Decimal(words[0]), None, None, words[1] if len(words) == 2 else None)


def said(found: Grade) -> str:
    if found.grade is not None:
        return str(found.grade)
    missing = f"({','.join(found.missing)})" if found.missing else ""
    return f"?{missing}" if found.low is None else f"{found.low}-{found.high}{missing}"


def named(example: Example) -> str:
    block, context, value, expected = example
    return f"v{block.version[0]} {block.term} {context} {value} is {expected}"


ALL = list(examples())


@pytest.mark.parametrize("example", ALL, ids=map(named, ALL))
def test_an_example_has_the_grade_it_says(example: Example) -> None:
    block, context, value, expected = example
    assert said(grade(block.version, block.term, measured(block, context, value))) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_every_block_shows_every_grade_of_its_criteria(version: str) -> None:
    for block in table(version).blocks.values():
        shown = {number for each, _, _, expected in ALL if each is block for number in expected[:3] if number.isdigit()}
        wanted = {str(number) for variant in block.variants.values() for number in variant.grades} | {"0"}
        assert wanted <= shown | {"0"}, (block.term, wanted - shown)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_grade_that_a_block_could_give_exists_for_its_term(version: str) -> None:
    for block in table(version).blocks.values():
        exists = term_grades(version, block.term)
        assert exists is not None
        used = {number for variant in block.variants.values() for number in variant.grades}
        assert used | {number for number, _ in block.upgrades} <= exists - {5}


def test_every_spelling_of_a_unit_is_found_under_its_own_normal_form() -> None:
    for kind, sheet in KINDS.items():
        for family, groups in sheet.items():
            for spellings, factor in groups:
                for spelling in spellings:
                    found = resolve(kind, spelling)
                    assert found is not None, (kind, spelling)
                    assert (found.family, found.cut_factor) == (family, factor)
