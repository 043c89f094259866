"""Which grade does every value have under one set of limits and facts? A scale: compiled once, exactly, then looked up.

All thresholds become exact numbers in the reported unit. Between two neighbouring thresholds the grade cannot change,
so it is worked out once for every threshold and every gap between two; a value is a search in the list, and a censored
value is the range of grades that it leaves open.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache
from itertools import chain

from clinical.ctcae.criterion import Arm, Comparison, Condition
from clinical.ctcae.measurement import Baseline, Facts, Grade
from clinical.ctcae.table import UNITLESS, Block, Variant
from clinical.units import resolve

EXACT = Context(prec=80)
"""Enough digits for the product of any two reported numbers: nothing is rounded."""

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything beside the value that a criterion may read."""

    lln: Decimal | None
    uln: Decimal | None
    baseline: Baseline
    percent_change: Decimal | None
    facts: Facts
    cut_factor: Decimal

    def limit(self, name: str) -> Decimal | None:
        """LLN, ULN or BL, where known."""
        return {"LLN": self.lln, "ULN": self.uln, "BL": self.baseline.value}[name]

    def holds(self, condition: Condition) -> bool | None:
        """Whether a condition holds; None: nobody knows, and the grade stays open."""
        known: bool | None
        if condition.name == "baseline":
            known = self.baseline.value is not None
        elif condition.name == "low_baseline":
            known = baseline_status(self.baseline) == "low"
        else:
            known = getattr(self.facts, condition.name)
        if known is None and condition.stated:
            known = False
        return None if known is None else known is condition.wanted


def baseline_status(baseline: Baseline) -> str | None:
    """`low`, `normal` or `high` by the baseline's own limits, or by its indicator; None where nobody knows."""
    if baseline.value is not None and baseline.uln is not None and baseline.value > baseline.uln:
        return "high"
    if baseline.value is not None and baseline.lln is not None and baseline.value < baseline.lln:
        return "low"
    if baseline.uln is not None and baseline.value is not None:
        return "normal"
    return baseline.indicator


MISSING = {"LLN": "lln", "ULN": "uln", "BL": "baseline"}
NO_BASELINE = Baseline()


@dataclass(frozen=True, slots=True)
class Scale:
    """Thresholds in ascending order, and the grade below, at and above each: 2n + 1 of them for n thresholds."""

    thresholds: tuple[Decimal, ...]
    grades: tuple[Grade, ...]

    def at(self, value: Decimal) -> Grade:
        """The grade of an exact value."""
        return self.grades[self._place(value)]

    def beyond(self, operator: str, value: Decimal) -> Grade:
        """What is left open of a value that is only known to lie below or above a number."""
        place = self._place(value)
        if operator == "<":
            return spanning(self.grades[: place + 1 - place % 2])
        if operator == "<=":
            return spanning(self.grades[: place + 1])
        return spanning(self.grades[place + place % 2 :] if operator == ">" else self.grades[place:])

    def _place(self, value: Decimal) -> int:
        number = bisect_left(self.thresholds, value)
        exact = number < len(self.thresholds) and self.thresholds[number] == value
        return 2 * number + exact


def spanning(grades: tuple[Grade, ...]) -> Grade:
    """One grade for a range of values, or its bounds."""
    lows = [grade.low for grade in grades if grade.low is not None]
    highs = [grade.high for grade in grades if grade.high is not None]
    if len(lows) < len(grades) or len(highs) < len(grades):
        return Grade(None, None, None, grades[0].missing or ("value",), "a part of the possible values has no grade")
    low, high = min(lows), max(highs)
    if low == high:
        return next(grade for grade in grades if grade.grade == low)
    missing = tuple(sorted({"value", *chain.from_iterable(grade.missing for grade in grades)}))
    return Grade(None, low, high, missing, f"the reported bound leaves grade {low} to {high} open")


@lru_cache(maxsize=65_536)
def scale(
    block: Block,
    unit: str | None,
    lln: Decimal | None,
    uln: Decimal | None,
    baseline: Baseline | None,
    percent_change: Decimal | None,
    facts: Facts,
) -> Scale | Grade:
    """The scale of a term under these limits; a `Grade` without a grade, and why, where no value could be graded."""
    family, cut_factor = UNITLESS, Decimal(1)
    if block.unit is not None:
        reported = resolve(block.unit, unit)
        if reported is not None:
            family, cut_factor = reported.family, reported.cut_factor
        if not any(name == family for name, _ in block.variants):
            return _without_unit(unit)
    known = Known(lln, uln, baseline or NO_BASELINE, percent_change, facts, cut_factor)
    chosen = _variants(block, family, known)
    if not chosen:
        return _without_unit(unit)
    thresholds = tuple(sorted({t for variant in chosen for t in _thresholds(block, variant, known)}))
    grades = tuple(_either([_grade_at(block, v, known, value) for v in chosen]) for value in _samples(thresholds))
    return Scale(thresholds, grades)


def _without_unit(unit: str | None) -> Grade:
    why = "no unit is given" if unit is None else "the unit is not one that this term is graded in"
    return Grade(None, None, None, ("unit",), why)


def _variants(block: Block, family: str, known: Known) -> list[Variant]:
    """The criteria that apply. A baseline above its own upper limit has its own; one of unknown status leaves both."""
    name = "ionized" if known.facts.ionized else ""
    plain = block.variants.get((family, name))
    high = block.variants.get((family, "high baseline"))
    if high is None or known.baseline == NO_BASELINE:
        return [plain] if plain else []
    status = baseline_status(known.baseline)
    both = [plain] if plain else []
    if status is None:
        return [*both, high]
    return [high] if status == "high" else both


def _either(grades: list[Grade]) -> Grade:
    """The grade under two sets of criteria of which nobody knows which applies."""
    if len(grades) == 1 or grades[0] == grades[1]:
        return grades[0]
    if any(grade.low is None or grade.high is None for grade in grades):
        return next(grade for grade in grades if grade.low is None or grade.high is None)
    low, high = min(g.low or 0 for g in grades), max(g.high or 0 for g in grades)
    if low == high:
        return grades[0]
    missing = tuple(sorted({"baseline_uln", *chain.from_iterable(grade.missing for grade in grades)}))
    return Grade(None, low, high, missing, f"the status of the baseline decides between grade {low} and {high}")


def _samples(thresholds: tuple[Decimal, ...]) -> Iterator[Decimal]:
    """One value below the first threshold, then each threshold and one value above it."""
    if not thresholds:
        yield Decimal(0)
        return
    yield EXACT.subtract(thresholds[0], Decimal(1))
    for number, threshold in enumerate(thresholds):
        yield threshold
        if number + 1 < len(thresholds):
            yield EXACT.divide(EXACT.add(threshold, thresholds[number + 1]), Decimal(2))
        else:
            yield EXACT.add(threshold, Decimal(1))


def _thresholds(block: Block, variant: Variant, known: Known) -> Iterator[Decimal]:
    arms = [arm for group in variant.grades.values() for arm in group]
    arms += [ungraded.arm for ungraded in variant.ungraded]
    arms += [arm for arm, _ in block.notes]
    for comparison in chain.from_iterable(arm.comparisons for arm in arms):
        bound = _bound(comparison, known)
        if bound is not None:
            yield bound
    for hole in variant.holes:
        for edge in (hole.low, hole.high, EXACT.divide(EXACT.add(hole.low, hole.high), Decimal(2))):
            yield EXACT.multiply(edge, known.cut_factor)


def _bound(comparison: Comparison, known: Known) -> Decimal | None:
    """The value at which a comparison turns; None where a limit is missing or it does not read the value."""
    number, baseline = comparison.number, known.baseline.value
    if comparison.limit is not None:
        limit = known.limit(comparison.limit)
        number_or_none = None if limit is None else EXACT.multiply(number, limit)
    else:
        number_or_none = EXACT.multiply(number, known.cut_factor) if "%" not in comparison.measure else number
    if number_or_none is None:
        return None
    match comparison.measure:
        case "value":
            return number_or_none
        case "excess":
            return None if known.uln is None else EXACT.add(known.uln, number_or_none)
        case "shortfall":
            return None if known.lln is None else EXACT.subtract(known.lln, number_or_none)
        case "rise":
            return None if baseline is None else EXACT.add(baseline, number_or_none)
        case "fall":
            return None if baseline is None else EXACT.subtract(baseline, number_or_none)
        case _:
            if baseline is None or known.percent_change is not None:
                return None
            change = number_or_none if comparison.measure == "rise%" else -number_or_none
            return EXACT.divide(EXACT.multiply(baseline, EXACT.add(HUNDRED, change)), HUNDRED)


FALLING = {"shortfall", "fall", "fall%"}
"""Measures that grow when the value falls."""

TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _met(comparison: Comparison, known: Known, value: Decimal) -> bool | None:
    if "%" in comparison.measure and known.percent_change is not None:
        change = known.percent_change if comparison.measure == "rise%" else -known.percent_change
        return _compare(change, comparison.operator, comparison.number)
    bound = _bound(comparison, known)
    if bound is None:
        return None
    operator = TURNED[comparison.operator] if comparison.measure in FALLING else comparison.operator
    return _compare(value, operator, bound)


def _compare(value: Decimal, operator: str, bound: Decimal) -> bool:
    if operator == "<":
        return value < bound
    if operator == "<=":
        return value <= bound
    return value > bound if operator == ">" else value >= bound


def _unknowns(arm: Arm, known: Known, value: Decimal) -> frozenset[str] | None:
    """What must be known to say that the arm is met: nothing, these things; None: it is not met."""
    unknown: set[str] = set()
    for condition in arm.conditions:
        holds = known.holds(condition)
        if holds is False:
            return None
        if holds is None:
            unknown.add(condition.name)
    for comparison in arm.comparisons:
        met = _met(comparison, known, value)
        if met is False:
            return None
        if met is None:
            unknown.add(_missing(comparison, known))
    return frozenset(unknown)


def _missing(comparison: Comparison, known: Known) -> str:
    if comparison.limit is not None and known.limit(comparison.limit) is None:
        return MISSING[comparison.limit]
    return {"excess": "uln", "shortfall": "lln"}.get(comparison.measure, "baseline")


def _grade_at(block: Block, variant: Variant, known: Known, reported: Decimal) -> Grade:
    """The grade of one value: the highest that is met, up to the highest that may be."""
    value, notes = _without_holes(variant, known, reported)
    for ungraded in variant.ungraded:
        if _unknowns(ungraded.arm, known, value) == frozenset():
            return Grade(None, None, None, (), ungraded.why)
    low, high, missing = 0, 0, set[str]()
    for grade, arms in sorted(variant.grades.items()):
        states = [state for arm in arms if (state := _unknowns(arm, known, value)) is not None]
        if frozenset() in states:
            low, high = grade, max(high, grade)
            missing.clear()
        elif states:
            high = grade
            missing.update(chain.from_iterable(states))
    for grade, fact in block.upgrades:
        if getattr(known.facts, fact) and grade > low:
            low, high = grade, max(high, grade)
    if high == low:
        missing.clear()
    notes += [text for arm, text in block.notes if _unknowns(arm, known, value) == frozenset()]
    note = "; ".join(notes) or None
    names = tuple(sorted(missing))
    if low == high:
        return Grade(low, low, low, (), None, note)
    if low == 0 and high == block.highest and {"lln", "uln"} & missing:
        return Grade(None, None, None, names, f"nothing can be said without {' and '.join(names)}", note)
    return Grade(None, low, high, names, f"{' and '.join(names)} would decide between grade {low} and {high}", note)


def _without_holes(variant: Variant, known: Known, value: Decimal) -> tuple[Decimal, list[str]]:
    """A value between two ranges that are printed in whole numbers is rounded to the printed precision, half up."""
    for hole in variant.holes:
        low, high = EXACT.multiply(hole.low, known.cut_factor), EXACT.multiply(hole.high, known.cut_factor)
        if low < value < high:
            middle = EXACT.divide(EXACT.add(low, high), Decimal(2))
            return (high if value >= middle else low), ["between two printed ranges: rounded half up to a whole number"]
    return value, []
