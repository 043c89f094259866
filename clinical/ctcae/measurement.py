"""What is graded, and what does a grade look like? The values that go into the interpreter and come out of it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

__all__ = ["OPERATORS", "Baseline", "Facts", "Grade", "Measurement"]

OPERATORS = frozenset({"=", "<", "<=", ">", ">="})
"""How a value may be reported: exactly, or censored at a limit of the assay."""


class Facts(NamedTuple):
    """Clinical facts beside a value; None is unknown. Which of them open bounds is said by each criterion.

    `persistent`: fever above 40 °C for more than 24 hours; blood pressure that recurs or persists.
    `symptoms`, under version 6.0 amylase: moderate or severe ones.
    """

    symptoms: bool | None = None
    fasting: bool | None = None
    ionized: bool | None = None
    anticoagulation: bool | None = None
    physiologic_consequences: bool | None = None
    hospitalized: bool | None = None
    transfusion: bool | None = None
    intervention: bool | None = None
    life_threatening: bool | None = None
    at_rest: bool | None = None
    persistent: bool | None = None


class Baseline(NamedTuple):
    """The value before treatment, in the unit of the measurement, with the limits of *its own* laboratory.

    `indicator` (low, normal, high) speaks where the limits are unknown.
    """

    value: Decimal | None = None
    lln: Decimal | None = None
    uln: Decimal | None = None
    indicator: str | None = None


_NO_FACTS = Facts()


class Measurement(NamedTuple):
    """One reported value with everything a criterion may read; None is unknown.

    `lln`, `uln`: limits of the record's own laboratory, in its own unit. `percent_change` from baseline is signed, a
    fall is negative. `age` in years. `analyte`: a CDISC test code where the term alone leaves open what was measured
    (DIABP for blood pressure, CAION for calcium).
    """

    value: Decimal | None
    unit: str | None = None
    lln: Decimal | None = None
    uln: Decimal | None = None
    operator: str = "="
    baseline: Baseline | None = None
    percent_change: Decimal | None = None
    sex: str | None = None
    age: Decimal | None = None
    facts: Facts = _NO_FACTS
    analyte: str | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade, or what can be said of it: `low` to `high`, and the `missing` facts or limits that would decide.

    `grade` is None where low and high differ or nothing can be said; then `why` says so in one sentence. `note` names
    a stated rule that was applied.
    """

    grade: int | None
    low: int | None
    high: int | None
    missing: tuple[str, ...] = ()
    why: str | None = None
    note: str | None = None
