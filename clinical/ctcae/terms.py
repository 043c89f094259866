"""Which terms does a version of CTCAE have, and which grades does each term have?

Source: NCI workbooks of v5.0 (2017-11-27) and v6.0 (errata of 2026-01-20): names, system organ classes and grade sets.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

__all__ = ["VERSIONS", "Term", "find_term", "plain_name", "term_grades", "terms"]

VERSIONS: Final = ("5.0", "6.0")
"""The versions in force side by side; a study names its own."""

# British spellings beside the American ones of the dictionary.
_SPELLINGS: Final = (
    ("haem", "hem"), ("aemia", "emia"), ("kalaem", "kalem"), ("leucocyt", "leukocyt"), ("oedema", "edema"),
    ("diarrhoea", "diarrhea"), ("tumour", "tumor"), ("natraem", "natrem"), ("calcaem", "calcem"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """A term of one version: its name, its system organ class, and the grades that exist for it."""

    name: str
    system_organ_class: str
    grades: frozenset[int]


@lru_cache(maxsize=2)
def terms(version: str) -> dict[str, Term]:
    """All terms of a version ("5.0": 837, "6.0": 850) by plain name; KeyError for another version."""
    name = {"5.0": "terms_v5.csv", "6.0": "terms_v6.csv"}[version]
    rows = csv.DictReader(files("clinical.ctcae").joinpath(name).read_text("utf-8").splitlines())
    found = (Term(row["term"], row["soc"], _read_grades(row["grades"])) for row in rows)
    return {plain_name(term.name): term for term in found}


@lru_cache(maxsize=8192)
def plain_name(name: str) -> str:
    """A name as it is looked up: lower case, single blanks, plain hyphens, American spelling."""
    text = " ".join(name.lower().replace("–", "-").replace("—", "-").split())
    for british, american in _SPELLINGS:
        text = text.replace(british, american)
    return text


def find_term(version: str, name: str) -> Term | None:
    """The term of that name in any case or spelling, or None where the version has none."""
    return terms(version).get(plain_name(name))


def term_grades(version: str, term: str) -> frozenset[int] | None:
    """The grades that exist for a reported term, or None for a name that the version does not have.

    >>> sorted(term_grades("5.0", "hypermagnesaemia"))
    [1, 3, 4, 5]
    """
    found = find_term(version, term)
    return found.grades if found else None


def _read_grades(text: str) -> frozenset[int]:
    grades: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        grades.update(range(int(first), int(last or first) + 1))
    return frozenset(grades)
