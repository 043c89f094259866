"""What grade is this value? One value by one term of one version; the bare calculator reads plain JSON."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from clinical.ctcae.lookup import find_block
from clinical.ctcae.measurement import OPERATORS, Baseline, Facts, Grade, Measurement
from clinical.ctcae.scale import scale
from clinical.ctcae.table import Block
from clinical.ctcae.terms import VERSIONS

__all__ = ["calculate_grade", "grade"]

_NO_VALUE: Final = Grade(None, None, None, ("value",), "there is no value")


def grade(version: str, term: str, measurement: Measurement, direction: str | None = None) -> Grade:
    """The CTCAE grade of a measurement under a term (any case), or its bounds and what would decide.

    `direction` (low, high) is needed where a name is used both ways. Raises KeyError for an unknown version.
    """
    block = find_block(version, term, direction)
    if isinstance(block, str):
        return Grade(None, None, None, (), block)
    return _by_block(block, measurement)


def _by_block(block: Block, measurement: Measurement) -> Grade:
    if measurement.value is None:
        return _NO_VALUE
    facts = measurement.facts
    if measurement.analyte == "CAION" and facts.ionized is None:
        facts = facts._replace(ionized=True)
    reads = block.reads
    found = scale(
        block,
        measurement.unit if block.unit is not None else None,
        measurement.lln if "LLN" in reads else None,
        measurement.uln if "ULN" in reads else None,
        measurement.baseline if "BL" in reads else None,
        measurement.percent_change if "percent_change" in reads else None,
        facts,
    )
    if isinstance(found, Grade):
        return found
    if measurement.operator == "=":
        return found.at(measurement.value)
    return found.beyond(measurement.operator, measurement.value)


_PARAMETERS: Final = frozenset(
    {
        "id", "ctcae", "term", "direction", "value", "unit", "lln", "uln", "baseline", "percent_change", "sex", "age",
        "facts",
    }
)  # fmt: skip
_BASELINE: Final = frozenset({"value", "lln", "uln", "indicator"})


class _ImpossibleError(ValueError):
    """An input that cannot be computed: becomes `error` on its line."""


def calculate_grade(request: Mapping[str, Any]) -> dict[str, Any]:
    """The `calc grade` door: one JSON object in, one out, the input's `id` echoed. Never raises on bad input."""
    try:
        version, term, direction, measurement = _read(request)
    except _ImpossibleError as error:
        return {"id": request.get("id"), "error": str(error)}
    found = grade(version, term, measurement, direction)
    return {
        "id": request.get("id"),
        "grade": found.grade,
        "low": found.low,
        "high": found.high,
        "missing": list(found.missing),
        "why": found.why,
    }


def _read(request: Mapping[str, Any]) -> tuple[str, str, str | None, Measurement]:
    _refuse_unknown(request, _PARAMETERS, "")
    version = request.get("ctcae")
    if isinstance(version, int | float) and not isinstance(version, bool):
        version = f"{version:.1f}"
    if version not in VERSIONS:
        raise _ImpossibleError(f"ctcae: one of {', '.join(VERSIONS)}")
    term = request.get("term")
    if not isinstance(term, str) or not term.strip():
        raise _ImpossibleError("term: a name")
    direction = request.get("direction")
    if direction not in (None, "low", "high"):
        raise _ImpossibleError("direction: low or high")
    unit, sex = (_text(request, name) for name in ("unit", "sex"))
    operator, value = _value(request.get("value"))
    measurement = Measurement(
        value=value,
        unit=unit or None,
        lln=_number(request.get("lln"), "lln"),
        uln=_number(request.get("uln"), "uln"),
        operator=operator,
        baseline=_baseline(request.get("baseline")),
        percent_change=_number(request.get("percent_change"), "percent_change"),
        sex=sex,
        age=_number(request.get("age"), "age"),
        facts=_facts(request.get("facts")),
    )
    return str(version), term, direction, measurement


def _refuse_unknown(given: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    if unknown := sorted(str(name) for name in given.keys() - known):
        raise _ImpossibleError(f"{path}{unknown[0]}: unknown parameter")


def _text(request: Mapping[str, Any], name: str) -> str | None:
    said = request.get(name)
    if said is not None and not isinstance(said, str):
        raise _ImpossibleError(f"{name}: a text")
    return said


def _value(said: Any) -> tuple[str, Decimal | None]:
    """The operator and the number of a value such as `<0.2`."""
    if isinstance(said, str):
        text = said.strip().replace("≤", "<=").replace("≥", ">=")
        for operator in sorted(OPERATORS, key=len, reverse=True):
            if text.startswith(operator):
                return operator, _number(text.removeprefix(operator).strip(), "value")
    return "=", _number(said, "value")


def _number(said: Any, name: str) -> Decimal | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, str | int | float | Decimal):
        raise _ImpossibleError(f"{name}: a number")
    try:
        number = Decimal(str(said).strip())
    except InvalidOperation as error:
        raise _ImpossibleError(f"{name}: a number") from error
    if not number.is_finite() or number.adjusted() > 40 or (number.adjusted() < -40 and number):
        raise _ImpossibleError(f"{name}: a number that can have been measured")
    return number


def _baseline(said: Any) -> Baseline | None:
    if said is None:
        return None
    if not isinstance(said, Mapping):
        raise _ImpossibleError("baseline: an object")
    _refuse_unknown(said, _BASELINE, "baseline.")
    indicator = said.get("indicator")
    if isinstance(indicator, str):
        indicator = indicator.lower()
    if indicator not in (None, "low", "normal", "high"):
        raise _ImpossibleError("baseline.indicator: low, normal or high")
    value, lln, uln = (_number(said.get(name), f"baseline.{name}") for name in ("value", "lln", "uln"))
    return Baseline(value, lln, uln, indicator)


def _facts(said: Any) -> Facts:
    if said is None:
        return Facts()
    if not isinstance(said, Mapping):
        raise _ImpossibleError("facts: an object")
    _refuse_unknown(said, frozenset(Facts._fields), "facts.")
    for name, known in said.items():
        if known is not None and not isinstance(known, bool):
            raise _ImpossibleError(f"facts.{name}: true, false or null")
    return Facts(**said)
