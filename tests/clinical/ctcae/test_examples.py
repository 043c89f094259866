"""The examples in every block of both versions: on both sides of every bound."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from clinical.ctcae import VERSIONS, Baseline, Facts, Measurement, grade
from clinical.ctcae.table import table


def examples() -> Iterator[tuple[str, str, str]]:
    for version in VERSIONS:
        for block in table(version).blocks.values():
            for example in block.examples:
                yield version, block.term, example


def measured(words: list[str]) -> Measurement:
    """`11.5 mg/dL uln=10.5 bl=9 bluln=10 ionized`"""
    value, given, facts, unit = Decimal(words[0]), dict[str, Decimal](), dict[str, bool](), None
    for word in words[1:]:
        name, equals, number = word.partition("=")
        if equals:
            given[name] = Decimal(number)
        elif word.removeprefix("no-") in Facts._fields:
            facts[word.removeprefix("no-")] = not word.startswith("no-")
        else:
            unit = word
    baseline = Baseline(given.get("bl"), given.get("bllln"), given.get("bluln")) if "bl" in given else None
    return Measurement(value, unit, given.get("lln"), given.get("uln"), baseline=baseline, facts=Facts(**facts))


@pytest.mark.parametrize(("version", "term", "example"), list(examples()))
def test_an_example_has_the_grade_it_says(version: str, term: str, example: str) -> None:
    words, _, expected = example.partition(" -> ")
    found = grade(version, term, measured(words.split()))
    if expected == "?":
        assert (found.grade, found.low, found.high) == (None, None, None)
        assert found.why
    elif "-" in expected:
        low, high = map(int, expected.split("-"))
        assert (found.grade, found.low, found.high) == (None, low, high)
        assert found.missing
    else:
        assert (found.grade, found.low, found.high) == (int(expected),) * 3


@pytest.mark.parametrize("version", VERSIONS)
def test_every_block_has_an_example_of_every_grade_it_can_give(version: str) -> None:
    for block in table(version).blocks.values():
        shown = {example.rpartition("-> ")[2] for example in block.examples}
        for variant in block.variants.values():
            for number in variant.grades:
                assert str(number) in shown or any(str(number) in span for span in shown), (block.term, number)
