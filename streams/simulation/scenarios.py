"""What happens in an invented trial, and how often? A scenario: rates and delays, each a small change of the default.

The rates are ours, not published: sizes after the safety literature of each drug class, so that boards show something
plausible. None of them is evidence about AK117, cetuximab or AK104.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Event:
    """One adverse event: chance of any grade and of grade 3, days to onset, the drug suspected first."""

    term: str
    any_grade: float
    grade_3: float
    onset_days: int
    drug: str
    infusion: bool = False
    mildest: int = 1
    """The lowest grade that exists (CTCAE 5.0)."""


EVENTS: Mapping[str, tuple[Event, ...]] = {
    "cetuximab": (
        Event("Rash acneiform", 0.80, 0.11, 14, "cetuximab"),
        Event("Infusion related reaction", 0.12, 0.025, 1, "cetuximab", infusion=True),
        Event("Hypomagnesemia", 0.30, 0.04, 60, "cetuximab"),
        Event("Diarrhea", 0.15, 0.02, 40, "cetuximab"),
    ),
    "AK104": (
        Event("Rash maculo-papular", 0.20, 0.02, 21, "AK104"),
        Event("Hypothyroidism", 0.15, 0.003, 56, "AK104"),
        Event("Colitis", 0.05, 0.025, 42, "AK104"),
        Event("Pneumonitis", 0.03, 0.01, 70, "AK104"),
        Event("Alanine aminotransferase increased", 0.15, 0.03, 56, "AK104"),
    ),
    "AK117": (
        Event("Anemia", 0.28, 0.06, 21, "AK117"),
        Event("Fatigue", 0.35, 0.03, 20, "AK117"),
        Event("Platelet count decreased", 0.10, 0.015, 30, "AK117"),
    ),
}
"""By drug. Sizes: safety tables of cetuximab, of PD-1 with CTLA-4 antibodies, and of anti-CD47 antibodies."""

ANYWHERE = (Event("Dysphagia", 0.25, 0.05, 90, "*"), Event("Lung infection", 0.20, 0.06, 80, "*", mildest=2))
"""The background of the disease, whatever is given."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What differs from trial to trial."""

    intolerable: Mapping[str, float]
    """Chance per participant of a related grade 4 event inside the toxicity window, by group; `*` for any other."""
    fatal: float = 0.08
    """Share of intolerable events that are fatal."""
    report_days: float = 1.0
    """Median days from an event to its report."""
    slow_reports: float = 0.1
    """Share of reports that take up to 40 days."""
    late: bool = False
    """Whether intolerable events come after day 60."""
    downgraded: float = 0.05
    """Share of intolerable events whose causality is judged unrelated later."""
    silent_site: str | None = None
    """A site that reports one event in five."""
    unit_error: bool = False
    """Whether one laboratory sends values of one unit under the name of another."""
    dirty: bool = False
    """Whether some messages are no facts."""
    careless: float = 0.0
    """Share of doses that a site gives as planned, whatever the rules say of the drug by then."""


DEFAULT = Scenario({"1": 0.15, "2": 0.45, "*": 0.10})


def _all(rate: float) -> Mapping[str, float]:
    return {"*": rate}


SCENARIOS: Mapping[str, Scenario] = {
    "default": DEFAULT,
    "null": replace(DEFAULT, intolerable=_all(0.30)),
    "plus10": replace(DEFAULT, intolerable=_all(0.40)),
    "plus20": replace(DEFAULT, intolerable=_all(0.50)),
    "late_cluster": replace(DEFAULT, late=True),
    "reporting_delay": replace(DEFAULT, report_days=5.0, slow_reports=0.3),
    "causality_downgraded": replace(DEFAULT, downgraded=0.5),
    "under_reporting_site": replace(DEFAULT, silent_site="03"),
    "unit_error": replace(DEFAULT, unit_error=True),
    "dirty": replace(DEFAULT, dirty=True, careless=0.1),
}
