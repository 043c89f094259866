"""What does `calc grade` answer for one JSON object? The door: names checked, numbers read exactly, one answer out."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from clinical.ctcae.grading import compile_scale, find_block, grade
from clinical.ctcae.measurement import Baseline, Facts, Grade, Measurement
from clinical.ctcae.scale import Scale
from clinical.ctcae.terms import VERSIONS

__all__ = ["calculate_grade"]

_KEYS: Final = frozenset(
    {
        "id", "ctcae", "term", "direction", "value", "unit", "lln", "uln", "baseline", "percent_change", "sex", "age",
        "facts",
    }
)  # fmt: skip
_BASELINE_KEYS: Final = frozenset(Baseline._fields)
_FACTS: Final = frozenset(Facts._fields)
_DIRECTIONS: Final = frozenset({"low", "high"})
_INDICATORS: Final = frozenset({"low", "normal", "high"})
_CENSORED: Final = re.compile(r"\s*(<=|>=|≤|≥|<|>|=)\s*(.*)", re.DOTALL)
_PLAIN: Final = {"≤": "<=", "≥": ">="}
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_LONGEST: Final = 100
_LARGEST: Final = 40
_ENORMOUS: Final = 10**100
_NO_FACTS: Final = Facts()
_NOTHING: Final = (False, None, None, None, None)
"""What is said of a baseline where there is none."""
_FIBRINOGEN: Final = "Fibrinogen decreased"
_WHOLE: Final = Decimal(-100)


class _RefusedError(ValueError):
    """An unknown parameter or an impossible input; the message names it."""


def calculate_grade(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one line of `calc grade`: `id grade low high missing why`, or `id` and `error`.

    `note` is added where a stated rule was applied (a value between two printed ranges; a grade that needs review).

    >>> calculate_grade({"id": 1, "ctcae": "5.0", "term": "anaemia", "value": "79.9", "unit": "g/L"})
    {'id': 1, 'grade': 3, 'low': 3, 'high': 3, 'missing': [], 'why': None}
    """
    identity = request.get("id")
    try:
        found = _graded(request)
    except _RefusedError as refused:
        return {"id": identity, "error": str(refused)}
    answer = {
        "id": identity,
        "grade": found.grade,
        "low": found.low,
        "high": found.high,
        "missing": list(found.missing),
        "why": found.why,
    }
    if found.note is not None:
        answer["note"] = found.note
    return answer


class _Asked(NamedTuple):
    """A request but for its value, read and compiled. No `scale` where the value itself is the change in percent."""

    version: str
    term: str
    direction: str | None
    measurement: Measurement
    scale: Scale | Grade | None


def _graded(request: Mapping[str, Any]) -> Grade:
    """Rows share all but their value: that is read and compiled once, and looked up by what was said, word for word."""
    if not _KEYS.issuperset(request):
        raise _RefusedError(f"unknown parameter: {_first_unknown(request, _KEYS)}")
    get = request.get
    baseline, facts = get("baseline"), get("facts")
    before = _NOTHING if baseline is None else _said(baseline)
    said = (
        get("ctcae"), get("term"), get("direction"), get("unit"), get("lln"), get("uln"), *before,
        get("percent_change"), get("sex"), get("age"), _NO_FACTS if facts is None else _facts(facts),
    )  # fmt: skip
    try:
        asked = _asked(*said)
    except TypeError:  # a list has no hash: it is refused by its name
        asked = _asked.__wrapped__(*said)
    operator, value = _value(get("value"), asked.term, asked.measurement.unit)
    if isinstance(asked.scale, Grade):
        return asked.scale
    if asked.scale is not None:
        return asked.scale.grade(value, operator)
    measurement = asked.measurement._replace(value=value, operator=operator)
    return grade(asked.version, asked.term, measurement, asked.direction)


@lru_cache(maxsize=16_384, typed=True)
def _asked(
    version: Any, term: Any, direction: Any, unit: Any, lln: Any, uln: Any,
    has_baseline: Any, before: Any, its_lln: Any, its_uln: Any, indicator: Any,
    percent: Any, sex: Any, age: Any, facts: Facts,
) -> _Asked:  # fmt: skip
    if isinstance(version, int | float) and not isinstance(version, bool):
        version = f"{version:.1f}"
    if version not in VERSIONS:
        raise _RefusedError(f"ctcae: {version!r} is none of {', '.join(VERSIONS)}")
    if not isinstance(term, str) or not term.strip():
        raise _RefusedError("term: a name is needed")
    direction, unit = _choice("direction", direction, _DIRECTIONS), _text("unit", unit)
    measurement = Measurement(
        None,
        unit,
        _limit("lln", lln),
        _limit("uln", uln),
        "=",
        _baseline(before, its_lln, its_uln, indicator) if has_baseline else None,
        None if percent is None else _percent(percent, version, term, direction),
        _text("sex", sex),
        _limit("age", age),
        facts,
    )
    is_change = percent is None and unit is not None and unit.strip() == "%"
    scale = None if is_change else compile_scale(version, term, measurement, direction)
    return _Asked(str(version), term, direction, measurement, scale)


def _value(value: object, term: str, unit: str | None) -> tuple[str, Decimal | None]:
    """The operator and the number of `value`: "<0.2" is censored below 0.2."""
    if value is None:
        return "=", None
    operator, number = _reported(value) if type(value) is str else ("=", _number("value", value))
    if number < 0 and not _may_be_negative(term, unit):
        raise _RefusedError(f"value: {number} is impossible")
    return operator, number


@lru_cache(maxsize=16_384)
def _reported(text: str) -> tuple[str, Decimal]:
    found = _CENSORED.fullmatch(text)
    if found is None:
        return "=", _number("value", text)
    return _PLAIN.get(found[1], found[1]), _number("value", found[2])


@lru_cache(maxsize=1024)
def _may_be_negative(term: str, unit: str | None) -> bool:
    """Whether the term is read from a signed quantity: a score, or a change in percent."""
    percent = unit is not None and unit.strip() == "%"
    blocks = [
        block for version in VERSIONS for way in (None, "low", "high") if (block := find_block(version, term, way))
    ]
    return any(block.signed or (percent and "percent_is_value" in block.reads) for block in blocks)


def _limit(name: str, value: object) -> Decimal | None:
    if value is None:
        return None
    number = _number(name, value)
    if number < 0:
        raise _RefusedError(f"{name}: {number} is impossible")
    return number


def _number(name: str, value: object) -> Decimal:
    """A number read exactly; a JSON number by its shortest decimal form."""
    if type(value) is str:
        return _digits(name, value)
    if type(value) is Decimal:
        return _finite(name, value)
    if type(value) is int or type(value) is float:
        return _finite(name, Decimal(repr(value)) if abs(value) < _ENORMOUS else Decimal("NaN"))
    raise _RefusedError(f"{name}: {value!r} is no number")


@lru_cache(maxsize=16_384)
def _digits(name: str, text: str) -> Decimal:
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        raise _RefusedError(f"{name}: {text[:40]!r} is no number")
    return _finite(name, Decimal(text.strip()))


def _finite(name: str, number: Decimal) -> Decimal:
    if not number.is_finite() or (number and abs(number.adjusted()) > _LARGEST):
        raise _RefusedError(f"{name}: not a number that can have been measured")
    return number


def _percent(value: object, version: str, term: str, direction: str | None) -> Decimal:
    """A signed change; for fibrinogen a bare figure is the size of the fall, and a written + a rise."""
    number = _number("percent_change", value)
    if number < _WHOLE:
        raise _RefusedError(f"percent_change: {number} is impossible, nothing falls by more than its whole")
    block = find_block(version, term, direction)
    if block is None or block.term != _FIBRINOGEN or (isinstance(value, str) and value.strip().startswith("+")):
        return number
    return max(-abs(number), _WHOLE)


def _said(baseline: object) -> tuple[bool, Any, Any, Any, Any]:
    """What is said of a baseline, unread, so that what was said before is found again."""
    get = _object("baseline", baseline, _BASELINE_KEYS).get
    return True, get("value"), get("lln"), get("uln"), get("indicator")


def _baseline(value: object, lln: object, uln: object, indicator: object) -> Baseline:
    return Baseline(
        _limit("baseline.value", value),
        _limit("baseline.lln", lln),
        _limit("baseline.uln", uln),
        _choice("baseline.indicator", indicator, _INDICATORS),
    )


def _facts(value: object) -> Facts:
    fields = _object("facts", value, _FACTS)
    for name, truth in fields.items():
        if truth is not None and truth is not True and truth is not False:
            raise _RefusedError(f"facts.{name}: {truth!r} is neither true, false nor null")
    return Facts(**fields)


def _object(name: str, value: object, keys: frozenset[str]) -> Mapping[str, Any]:
    if type(value) is not dict and not isinstance(value, Mapping):
        raise _RefusedError(f"{name}: an object is needed")
    if not keys.issuperset(value):
        raise _RefusedError(f"unknown parameter: {name}.{_first_unknown(value, keys)}")
    return value


def _first_unknown(value: Mapping[str, Any], keys: frozenset[str]) -> str:
    return min(str(key) for key in value.keys() - keys)


def _choice(name: str, value: object, choices: frozenset[str]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in choices:
        raise _RefusedError(f"{name}: {value!r} is none of {', '.join(sorted(choices))}")
    return value.lower()


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise _RefusedError(f"{name}: {value!r} is no text")
