"""Which CTCAE grade does a measurement have? The way in: finds the block, the unit family and the compiled scale."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from clinical.ctcae.analytes import find_analyte
from clinical.ctcae.measurement import Baseline, Facts, Grade, Measurement
from clinical.ctcae.scale import Known, Scale, build_scale
from clinical.ctcae.table import UNITLESS, Block, Variant, table
from clinical.ctcae.terms import find_term, plain_name
from clinical.units import resolve

__all__ = ["compile_scale", "find_block", "grade"]

_NO_BASELINE: Final = Baseline()
_ONE: Final = Decimal(1)
_ADULT: Final = 18
_ADOLESCENT: Final = 13
_FIRST_BIRTHDAY: Final = 1
_DIRECTIONS: Final = ("low", "high")


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What of a measurement a block reads: anything else must not split the cache of scales."""

    block: Block
    variant: str
    lln: bool
    uln: bool
    baseline: bool
    percent_change: bool
    percent_is_value: bool
    age: bool
    facts: bool
    limits_only: bool


def grade(version: str, term: str, measurement: Measurement, direction: str | None = None) -> Grade:
    """The grade of a measurement under a CTCAE term (or an analyte's name with a direction) of a version.

    Never raises for clinical input: what cannot be graded comes back with `grade` None, and `why`.
    KeyError for a version other than "5.0" and "6.0".

    >>> grade("5.0", "Anemia", Measurement(Decimal("79.9"), "g/L")).grade
    3
    """
    scale = compile_scale(version, term, measurement, direction)
    if isinstance(scale, Grade):
        return scale
    return scale.grade(measurement.value, measurement.operator)


def compile_scale(version: str, term: str, measurement: Measurement, direction: str | None = None) -> Scale | Grade:
    """The scale on which this measurement's value, and others with the same unit, limits and facts, are graded.

    A Grade instead of a Scale says why no value could be graded.
    """
    plan = _plan(version, term, direction, measurement.analyte)
    if isinstance(plan, Grade):
        return plan
    unit = measurement.unit
    lln = measurement.lln if plan.lln else None
    uln = measurement.uln if plan.uln else None
    if plan.limits_only:
        return _scale(plan, unit, lln, uln)
    return _scale(
        plan,
        unit,
        lln,
        uln,
        measurement.baseline if plan.baseline else None,
        _percent_change(plan, measurement) if plan.percent_change else None,
        measurement.age if plan.age else None,
        measurement.facts if plan.facts else None,
    )


def find_block(version: str, term: str, direction: str | None = None) -> Block | None:
    """The block that grades a term or an analyte's name, or None."""
    plan = _plan(version, term, direction, None)
    return None if isinstance(plan, Grade) else plan.block


def _percent_change(plan: _Plan, measurement: Measurement) -> Decimal | None:
    """The change from baseline in percent; a weight may report it as the value itself, in %."""
    unit, value = measurement.unit, measurement.value
    if measurement.percent_change is not None or not plan.percent_is_value or value is None or unit is None:
        return measurement.percent_change
    if unit.strip() != "%":
        return None
    # A loss reported as "7 %" is a fall of 7, however it is signed.
    return -abs(value) if plan.block.direction == "low" else value


@lru_cache(maxsize=4096)
def _plan(version: str, term: str, direction: str | None, analyte: str | None) -> _Plan | Grade:
    found = _locate(version, term, direction)
    if isinstance(found, Grade):
        return found
    block, variant = found
    if not variant and analyte is not None and (measured := find_analyte(analyte)) is not None:
        variant = measured.variant
    reads = block.reads
    baseline = any(name == "BL" or name.startswith("baseline") for name in reads)
    age = not reads.isdisjoint({"child", "infant", "adolescent"})
    facts = not reads.isdisjoint(Facts._fields)
    percent = "percent_change" in reads
    return _Plan(
        block, variant, "LLN" in reads, "ULN" in reads, baseline, percent, "percent_is_value" in reads, age, facts,
        not (baseline or percent or age or facts),
    )  # fmt: skip


def _locate(version: str, term: str, direction: str | None) -> tuple[Block, str] | Grade:
    """The block of a term's or an analyte's name, with the variant the name asks for."""
    blocks = table(version).blocks
    block = blocks.get(plain_name(term))
    if block is not None:
        if direction not in (None, block.direction):
            return _nothing(f"{block.term} is graded for {block.direction} values only")
        return block, ""
    if (measured := find_analyte(term)) is None:
        return _nothing(_unknown_term(version, term))
    ways = [way for way in _DIRECTIONS if direction in (None, way)]
    terms = [plain_name(name) for way in ways for name in measured.terms.get(way, ())]
    found = [blocks[name] for name in terms if name in blocks]
    if direction is None and len({each.direction for each in found}) > 1:
        return Grade(None, None, None, ("direction",), f"{term} is graded both ways: direction low or high is needed")
    if not found:
        return _nothing(f"CTCAE {version} has no term that grades {term}{f' ({direction})' if direction else ''}")
    return found[0], measured.variant


def _unknown_term(version: str, term: str) -> str:
    known = table(version)
    name = plain_name(term)
    if (why := known.no_value.get(name)) is not None:
        return f"{term}: {why}"
    if find_term(version, term) is not None:
        return f"no value grades {term} in CTCAE {version}"
    if (successor := known.replaced.get(name)) is not None:
        return f"unknown term in CTCAE {version}: {term} is now {successor}"
    if any(find_term(other, term) for other in ("5.0", "6.0") if other != version):
        return f"unknown term in CTCAE {version}: {term} exists in another version only"
    return f"unknown term in CTCAE {version}: {term}"


@lru_cache(maxsize=16384)
def _scale(
    plan: _Plan,
    unit: str | None,
    lln: Decimal | None,
    uln: Decimal | None,
    baseline: Baseline | None = None,
    percent_change: Decimal | None = None,
    age: Decimal | None = None,
    facts: Facts | None = None,
) -> Scale | Grade:
    block = plan.block
    family, cut_factor = UNITLESS, _ONE
    if block.unit is not None:
        reported = resolve(block.unit, unit)
        if reported is not None:
            family, cut_factor = reported.family, reported.cut_factor
        elif not any(printed == UNITLESS for printed, _ in block.variants):
            return _no_unit(block, unit)
    chosen = _choose(block, family, _selectors(plan.variant, age, facts))
    if chosen is None:
        return _no_unit(block, unit)
    known = Known(cut_factor, lln, uln, baseline or _NO_BASELINE, percent_change, facts or Facts())
    return build_scale(block, chosen, known)


def _choose(block: Block, family: str, selectors: frozenset[str]) -> Variant | None:
    """The most special criteria of the family whose every selector applies."""
    fitting = [
        (len(words), variant)
        for (printed, text), variant in block.variants.items()
        if printed == family and (words := text.split()) is not None and selectors.issuperset(words)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _selectors(variant: str, age: Decimal | None, facts: Facts | None) -> frozenset[str]:
    """What was measured, beside its unit: ionized calcium, a diastolic pressure, a child's; unknown age is adult."""
    words = set(variant.split())
    if facts is not None and facts.ionized is not None:
        words -= {"ionized"}
        words |= {"ionized"} if facts.ionized else set()
    if age is not None and age < _ADULT:
        words.add("child")
        words |= {"adolescent"} if age >= _ADOLESCENT else set()
        words |= {"infant"} if age < _FIRST_BIRTHDAY else set()
    return frozenset(words)


def _no_unit(block: Block, unit: str | None) -> Grade:
    problem = "the unit is missing" if unit is None else f"unknown unit {unit} for this measurement"
    return Grade(None, None, None, ("unit",), f"{block.term}: not gradable, {problem}")


def _nothing(why: str) -> Grade:
    return Grade(None, None, None, (), why)
