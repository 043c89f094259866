"""Which CTCAE grade does a value have? Versions 5.0 and 6.0 as data (v5.yaml, v6.yaml) under one small interpreter.

Source: NCI CTCAE v5.0 (2017-11-27) and v6.0 (2025-07-22, errata of 2026-01-20). The criteria stand in our own words.

Rules we state where the dictionary leaves a choice:
* A baseline arm is taken only by a baseline *above its own ULN* (v5.0 "abnormal", v6.0 "above ULN"); a low, a normal
  and an absent baseline take the ULN arm. A baseline whose status is unknown leaves the grade between the two arms.
* An upgrade (transfusion, hospital admission, intervention, life-threatening) raises an abnormal value; it says nothing
  of a normal one, and counts as absent when nobody states it.
* A value between two printed whole-number ranges is rounded half up to the printed precision, and the note says so.
* Unknown age is adult; unknown calcium is corrected; a blood pressure is systolic unless it says diastolic.
"""

from clinical.ctcae.analytes import find_analyte, is_laboratory_term, names_of_toxicity, only_values_grade, terms_for
from clinical.ctcae.comparison import meaning, newest_name
from clinical.ctcae.grading import compile_scale, grade
from clinical.ctcae.measurement import Baseline, Facts, Grade, Measurement
from clinical.ctcae.request import calculate_grade
from clinical.ctcae.scale import Scale
from clinical.ctcae.suggestion import known_term, suggest
from clinical.ctcae.terms import VERSIONS, term_grades

__all__ = [
    "VERSIONS",
    "Baseline",
    "Facts",
    "Grade",
    "Measurement",
    "Scale",
    "calculate_grade",
    "compile_scale",
    "find_analyte",
    "grade",
    "is_laboratory_term",
    "known_term",
    "meaning",
    "names_of_toxicity",
    "newest_name",
    "only_values_grade",
    "suggest",
    "term_grades",
    "terms_for",
]
