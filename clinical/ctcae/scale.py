"""Which grade does each value have, once limits, baseline and facts are known? Compiles a block into a step function.

With everything but the value fixed, a criterion is constant between finitely many exact numbers. A `Scale` holds those
numbers and the outcome on and between them: one binary search grades a value. All products are exact decimals.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from itertools import product
from typing import Final

from clinical.ctcae.criterion import Arm, Comparison, Condition
from clinical.ctcae.measurement import Baseline, Facts, Grade
from clinical.ctcae.table import Block, Hole, Variant

__all__ = ["Known", "Scale", "build_scale"]

# Wide enough that a product of limits is never rounded; a rounding would be an error, not a grade.
_EXACT: Final = Context(
    prec=4000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow]
)
_HUNDREDTH: Final = Decimal("0.01")
_HALF: Final = Decimal("0.5")
_FIVE: Final = Decimal(5)
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARE: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "<": Decimal.__lt__, "<=": Decimal.__le__, ">": Decimal.__gt__, ">=": Decimal.__ge__,
}  # fmt: skip
_LIMIT_NAMES: Final = {"LLN": "lln", "ULN": "uln", "BL": "baseline"}
_STATUS_NAMES: Final = {"baseline_high": "baseline_uln", "baseline_low": "baseline_lln"}
_FALLING: Final = frozenset({"shortfall", "fall", "fall%"})

# Three answers: met, not met, or the names of what would decide.
_Answer = bool | frozenset[str]
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """Everything beside the value that a block may read; `cut_factor` turns printed cuts into the reported unit."""

    cut_factor: Decimal
    lln: Decimal | None
    uln: Decimal | None
    baseline: Baseline
    percent_change: Decimal | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Cut:
    """A comparison of the value itself with an exact number."""

    measure: str
    operator: str
    at: Decimal


@dataclass(frozen=True, slots=True)
class _Gap:
    """A hole between printed ranges, in numbers of the value: which end does a value inside round to?"""

    measure: str
    low: Decimal
    middle: Decimal
    high: Decimal
    printed: str

    def holds(self, value: Decimal) -> bool:
        return min(self.low, self.high) < value < max(self.low, self.high)

    def rounded(self, value: Decimal) -> Decimal:
        """Half up on the measure: at the middle the higher printed number wins."""
        upper = value >= self.middle if self.low < self.high else value <= self.middle
        return self.high if upper else self.low


@dataclass(frozen=True, slots=True)
class _Way:
    """An arm with its comparisons settled as far as limits and baseline allow."""

    tests: tuple[_Cut | bool | str, ...]
    conditions: tuple[Condition, ...]


class Scale:
    """A compiled criterion: `grade` answers for an exact or a censored value."""

    __slots__ = ("_judge", "_outcomes", "_points")

    def __init__(self, points: list[Decimal], judge: Callable[[Decimal], Grade]) -> None:
        self._points = points
        self._judge = judge
        self._outcomes: list[Grade | None] = [None] * (2 * len(points) + 1)

    def grade(self, value: Decimal | None, operator: str = "=") -> Grade:
        """The grade of a value in the unit the scale was compiled for; None is an unknown value."""
        if value is None:
            return self._unknown_value()
        points = self._points
        piece = 2 * bisect_left(points, value)
        if piece < 2 * len(points) and points[piece >> 1] == value:
            piece += 1
        if operator == "=":
            return self._outcomes[piece] or self._outcome(piece)
        return self._censored(piece, operator)

    def _outcome(self, piece: int) -> Grade:
        found = self._outcomes[piece]
        if found is None:
            found = self._outcomes[piece] = self._judge(self._representative(piece))
        return found

    def _representative(self, piece: int) -> Decimal:
        points, index = self._points, piece >> 1
        if piece & 1:
            return points[index]
        if not points:
            return Decimal(0)
        if index == 0:
            return _EXACT.subtract(points[0], Decimal(1))
        if index == len(points):
            return _EXACT.add(points[-1], Decimal(1))
        return _EXACT.multiply(_EXACT.add(points[index - 1], points[index]), _HALF)

    def _censored(self, piece: int, operator: str) -> Grade:
        on_point, last = piece & 1, len(self._outcomes) - 1
        if operator[0] == "<":
            pieces = range(piece if operator == "<" and on_point else piece + 1)
        else:
            pieces = range(piece + 1 if operator == ">" and on_point else piece, last + 1)
        return _spread([self._outcome(each) for each in pieces], "the value is censored")

    def _unknown_value(self) -> Grade:
        found = _spread([self._outcome(each) for each in range(len(self._outcomes))], "the value is unknown")
        if found.grade is None and "value" in found.missing:
            return Grade(None, None, None, ("value",), "the value is unknown")
        return found


def _spread(outcomes: list[Grade], reason: str) -> Grade:
    """What is certain when the value lies somewhere among these outcomes."""
    first = outcomes[0]
    if all(each == first for each in outcomes):
        return first
    lows = [each.low for each in outcomes if each.low is not None]
    highs = [each.high for each in outcomes if each.high is not None]
    if len(lows) < len(outcomes):
        return Grade(None, None, None, ("value",), f"{reason}, and part of its range has no printed grade")
    low, high = min(lows), max(highs)
    if low == high:
        return Grade(low, low, high, note=next((each.note for each in outcomes if each.note), None))
    missing = tuple(dict.fromkeys(("value", *(name for each in outcomes for name in each.missing))))
    if len({(each.low, each.high) for each in outcomes}) == 1:
        missing = first.missing
    return Grade(None, low, high, missing, f"{reason}: grade {low} to {high}")


def build_scale(block: Block, variant: Variant, known: Known) -> Scale:
    """The step function of `variant` under what is known."""
    reader = _Reader(block, variant, known)
    return Scale(reader.points(), reader.judge)


class _Reader:
    """One variant under what is known: settles its comparisons, then judges single values in three-valued logic."""

    def __init__(self, block: Block, variant: Variant, known: Known) -> None:
        self.known = known
        self.exists = block.exists
        self.grades = [
            (grade, tuple(self._settle(arm) for arm in variant.grades[grade]))
            for grade in sorted(variant.grades, reverse=True)
        ]
        self.ungraded = [(self._settle(each.arm), each.why) for each in variant.ungraded]
        self.notes = [(self._settle(arm), note) for arm, note in block.notes]
        self.gaps = [gap for hole in variant.holes if (gap := self._gap(hole)) is not None]
        self.upgrade = max((grade for grade, fact in block.upgrades if getattr(known.facts, fact)), default=0)
        self.open = self._open_conditions()

    def points(self) -> list[Decimal]:
        """The exact numbers at which the outcome may change."""
        ways = [way for _, ways in self.grades for way in ways] + [way for way, _ in self.ungraded + self.notes]
        found = {test.at for way in ways for test in way.tests if isinstance(test, _Cut)}
        found.update(at for gap in self.gaps for at in (gap.low, gap.middle, gap.high))
        return sorted(found)

    def judge(self, value: Decimal) -> Grade:
        """The grade of one value, over every possible truth of the facts that are open."""
        for way, why in self.ungraded:
            if self._holds(way, value, {}) is True:
                return Grade(None, None, None, (), why)
        if not self.open:
            low, high, unknown = self._in_world(value, {})
            missing: tuple[str, ...] = tuple(sorted(unknown))
            if low == high:
                return Grade(low, low, high, note=self._note(value))
            return Grade(None, low, high, missing, _why(low, high, missing), self._note(value))
        worlds = {
            truth: self._in_world(value, dict(zip(self.open, truth, strict=True)))
            for truth in product((True, False), repeat=len(self.open))
        }
        low = min(low for low, _, _ in worlds.values())
        high = max(high for _, high, _ in worlds.values())
        if low == high:
            return Grade(low, low, high, note=self._note(value))
        limits = {name for _, _, names in worlds.values() for name in names}
        missing = (*sorted(limits), *self._deciding_facts(worlds))
        return Grade(None, low, high, missing, _why(low, high, missing), self._note(value))

    def _in_world(self, value: Decimal, world: dict[str, bool]) -> tuple[int, int, frozenset[str]]:
        certain, possible, missing = 0, 0, _NOTHING
        for grade, ways in self.grades:
            answer = self._holds(ways[0], value, world) if len(ways) == 1 else self._any_holds(ways, value, world)
            if answer is True:
                certain = grade
                break
            if answer is not False:
                possible = max(possible, grade)
                missing |= answer
        possible = max(certain, possible)
        # An upgrade stands beside a numeric range: it raises an abnormal value and says nothing of a normal one.
        return (
            max(certain, self.upgrade) if certain else 0,
            max(possible, self.upgrade) if possible else 0,
            missing,
        )

    def _any_holds(self, ways: tuple[_Way, ...], value: Decimal, world: dict[str, bool]) -> _Answer:
        missing, unknown = _NOTHING, False
        for way in ways:
            answer = self._holds(way, value, world)
            if answer is True:
                return True
            if answer is not False:
                unknown, missing = True, missing | answer
        return missing if unknown else False

    def _holds(self, way: _Way, value: Decimal, world: dict[str, bool]) -> _Answer:
        missing = _NOTHING
        for condition in way.conditions:
            truth = self._truth(condition, world)
            if truth is not condition.wanted:
                return False
        for test in way.tests:
            if type(test) is _Cut:
                if not self._passes(test, value):
                    return False
            elif test is False:
                return False
            elif isinstance(test, str):
                missing |= {test}
        return missing or True

    def _passes(self, cut: _Cut, value: Decimal) -> bool:
        for gap in self.gaps:
            if gap.measure == cut.measure and gap.holds(value):
                return _COMPARE[cut.operator](gap.rounded(value), cut.at)
        return _COMPARE[cut.operator](value, cut.at)

    def _truth(self, condition: Condition, world: dict[str, bool]) -> bool:
        """Whether a condition's fact is true; one that is open is decided by the world, one merely stated is absent."""
        known = self._fact(condition.name)
        if known is not None:
            return known
        return False if condition.stated else world.get(condition.name, False)

    def _fact(self, name: str) -> bool | None:
        baseline = self.known.baseline
        match name:
            case "baseline":
                return baseline.value is not None
            case "baseline_high":
                return _beyond(baseline, baseline.uln, "high", Decimal.__gt__)
            case "baseline_low":
                return _beyond(baseline, baseline.lln, "low", Decimal.__lt__)
            case "baseline_above_5_uln":
                known = baseline.value is not None and baseline.uln is not None
                return known and baseline.value > _EXACT.multiply(_FIVE, baseline.uln)  # type: ignore[operator,arg-type]
            case _:
                truth: bool | None = getattr(self.known.facts, name, None)
                return truth

    def _open_conditions(self) -> list[str]:
        ways = [way for _, ways in self.grades for way in ways]
        conditions = [condition for way in ways for condition in way.conditions if not condition.stated]
        return [name for name in dict.fromkeys(each.name for each in conditions) if self._fact(name) is None]

    def _deciding_facts(self, worlds: dict[tuple[bool, ...], tuple[int, int, frozenset[str]]]) -> Iterator[str]:
        for index, name in enumerate(self.open):
            for truth, (low, high, _) in worlds.items():
                other = worlds[(*truth[:index], not truth[index], *truth[index + 1 :])]
                if (low, high) != other[:2]:
                    yield _STATUS_NAMES.get(name, name)
                    break

    def _note(self, value: Decimal) -> str | None:
        for gap in self.gaps:
            if gap.holds(value):
                return f"the value lies between the printed {gap.printed}; rounded half up to the printed precision"
        return next((note for way, note in self.notes if self._holds(way, value, {}) is True), None)

    def _settle(self, arm: Arm) -> _Way:
        return _Way(tuple(self._cut(comparison) for comparison in arm.comparisons), arm.conditions)

    def _cut(self, comparison: Comparison) -> _Cut | bool | str:
        """The comparison as one of the value with a number; or already decided; or the name of what is missing."""
        operator, measure = comparison.operator, comparison.measure
        if measure.endswith("%") and (change := self.known.percent_change) is not None:
            signed = change if measure == "rise%" else _EXACT.minus(change)
            return _COMPARE[operator](signed, comparison.number)
        number = comparison.number
        if comparison.limit is not None:
            limit = self._limit(comparison.limit)
            if limit is None:
                return _LIMIT_NAMES[comparison.limit]
            number = _EXACT.multiply(comparison.number, limit)
        elif not measure.endswith("%"):
            number = _EXACT.multiply(comparison.number, self.known.cut_factor)
        at = self._value_at(measure, number)
        if isinstance(at, str):
            return at
        return _Cut(measure, _FLIPPED[operator] if measure in _FALLING else operator, at)

    def _value_at(self, measure: str, number: Decimal) -> Decimal | str:
        """The value at which a measure equals `number`, or the name of what is missing."""
        if measure == "value":
            return number
        name = {"excess": "ULN", "shortfall": "LLN"}.get(measure, "BL")
        reference = self._limit(name)
        if measure.endswith("%"):
            if reference is None or reference <= 0:
                return "percent_change"
            number = _EXACT.multiply(_EXACT.multiply(number, _HUNDREDTH), reference)
        if reference is None:
            return _LIMIT_NAMES[name]
        move = _EXACT.subtract if measure in _FALLING else _EXACT.add
        return move(reference, number)

    def _gap(self, hole: Hole) -> _Gap | None:
        factor = self.known.cut_factor
        low, high = _EXACT.multiply(hole.low, factor), _EXACT.multiply(hole.high, factor)
        middle = _EXACT.multiply(_EXACT.add(low, high), _HALF)
        ends = [self._value_at(hole.measure, number) for number in (low, middle, high)]
        match ends:
            case [Decimal() as first, Decimal() as half, Decimal() as last]:
                return _Gap(hole.measure, first, half, last, f"{hole.low} and {hole.high}")
            case _:
                return None

    def _limit(self, name: str) -> Decimal | None:
        match name:
            case "LLN":
                return self.known.lln
            case "ULN":
                return self.known.uln
            case _:
                return self.known.baseline.value


def _beyond(
    baseline: Baseline, limit: Decimal | None, indicator: str, worse: Callable[[Decimal, Decimal], bool]
) -> bool | None:
    """Whether the baseline lies beyond its own limit: by that limit, else by its indicator; no baseline does not."""
    if baseline.value is not None and limit is not None:
        return worse(baseline.value, limit)
    if baseline.indicator is not None:
        return baseline.indicator == indicator
    return None if baseline.value is not None else False


def _why(low: int, high: int, missing: tuple[str, ...]) -> str:
    if not missing:
        return f"grade {low} to {high}: the printed ranges leave this value open"
    return f"grade {low} to {high}: not decided without {', '.join(missing)}"
