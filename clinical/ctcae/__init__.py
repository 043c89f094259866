"""Which CTCAE grade does a value have? Two versions side by side; the version belongs to the protocol.

The criteria are data (`v5.yaml`, `v6.yaml`), in our own words, with examples on both sides of every bound; `scale`
is the one small interpreter. Source: NCI CTCAE v5.0 (2017-11-27) and v6.0 (2025-07-22, errata of 2026-01-20).
"""

from clinical.ctcae.grading import calculate_grade, grade
from clinical.ctcae.lookup import terms_for
from clinical.ctcae.measurement import Baseline, Facts, Grade, Measurement
from clinical.ctcae.terms import VERSIONS, term_grades

__all__ = [
    "VERSIONS",
    "Baseline",
    "Facts",
    "Grade",
    "Measurement",
    "calculate_grade",
    "grade",
    "term_grades",
    "terms_for",
]
