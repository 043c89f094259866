"""Which CTCAE terms can a laboratory test, vital sign or ECG measurement grade? Test codes and plain names to terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from clinical.ctcae.measurement import Facts
from clinical.ctcae.table import table
from clinical.ctcae.terms import plain_name

__all__ = [
    "Analyte",
    "find_analyte",
    "is_laboratory_term",
    "names_of_toxicity",
    "only_values_grade",
    "terms_for",
]

_BLOOD: Final = frozenset(
    {
        "", "BLOOD", "SERUM", "PLASMA", "SERUM OR PLASMA", "SERUM/PLASMA", "WHOLE BLOOD", "VENOUS BLOOD",
        "ARTERIAL BLOOD", "CAPILLARY BLOOD",
    }
)  # fmt: skip

_MEASURED_ANYWHERE: Final = frozenset({"CREATCLR"})
"""Laboratory tests without one specimen of their own."""


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something measured: its CDISC code, the terms it can grade in each direction, and where it is measured.

    `also`: other names under which the same toxicity is reported. `variant` selects among the criteria of a term
    (ionized, diastolic). `specimen` is "blood", "urine" or "" (a vital sign or an ECG has none).
    """

    code: str
    terms: Mapping[str, tuple[str, ...]]
    also: Mapping[str, tuple[str, ...]]
    specimen: str
    variant: str


@lru_cache(maxsize=1)
def _analytes() -> dict[str, Analyte]:
    """Every analyte by its plain names and its code."""
    text = files("clinical.ctcae").joinpath("analytes.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    found: dict[str, Analyte] = {}
    for code, entry in loaded.items():
        terms: dict[str, tuple[str, ...]] = {way: tuple(entry[way]) for way in ("low", "high") if way in entry}
        also: dict[str, tuple[str, ...]] = {way: tuple(entry.get(f"also_{way}", ())) for way in ("low", "high")}
        analyte = Analyte(code, terms, also, entry.get("specimen", "blood"), entry.get("variant", ""))
        found.update(dict.fromkeys(map(plain_name, (code, *entry.get("names", ()))), analyte))
    return found


def find_analyte(name: str) -> Analyte | None:
    """The analyte of that code or name, in any case or spelling."""
    return _analytes().get(plain_name(name))


@lru_cache(maxsize=4096)
def terms_for(version: str, analyte: str, specimen: str | None = None) -> tuple[tuple[str, str], ...]:
    """The (term, direction) pairs that a CDISC test code can grade in a version; empty for another specimen.

    >>> terms_for("6.0", "PLAT", "BLOOD")
    (('Thrombocytopenia', 'low'), ('Thrombocytosis', 'high'))
    """
    found = find_analyte(analyte)
    if found is None or not _same_specimen(found.specimen, specimen):
        return ()
    blocks = table(version).blocks
    pairs = ((name, way) for way in ("low", "high") for name in found.terms.get(way, ()))
    return tuple((name, way) for name, way in pairs if plain_name(name) in blocks)


@lru_cache(maxsize=4096)
def names_of_toxicity(analyte: str, direction: str) -> frozenset[str]:
    """The plain names under which a value of this analyte, in this direction, is reported as an event."""
    found = find_analyte(analyte)
    if found is None:
        return frozenset()
    return frozenset(map(plain_name, (*found.terms.get(direction, ()), *found.also.get(direction, ()))))


@lru_cache(maxsize=1024)
def analytes_of(term: str) -> frozenset[str]:
    """The codes of the analytes that grade a term."""
    name = plain_name(term)
    return frozenset(
        found.code for found in _analytes().values() for way in found.terms.values() if name in map(plain_name, way)
    )


@lru_cache(maxsize=4096)
def is_laboratory_term(version: str, term: str) -> bool:
    """Whether values of blood or urine grade a term; vital signs, the ECG and the lung are no laboratory.

    >>> is_laboratory_term("5.0", "Anemia"), is_laboratory_term("5.0", "Fever"), is_laboratory_term("5.0", "Nausea")
    (True, False, False)
    """
    name = plain_name(term)
    measured = (found for found in _analytes().values() if found.specimen or found.code in _MEASURED_ANYWHERE)
    return name in table(version).blocks and any(
        name == plain_name(graded) for found in measured for way in found.terms.values() for graded in way
    )


@lru_cache(maxsize=4096)
def only_values_grade(version: str, term: str) -> bool:
    """Whether nothing but values of one analyte gives a term its grade: no symptom, no admission, no other analyte."""
    block = table(version).blocks.get(plain_name(term))
    if block is None or block.upgrades or not block.reads.isdisjoint(Facts._fields):
        return False
    return len(analytes_of(term)) == 1


def _same_specimen(measured: str, reported: str | None) -> bool:
    text = (reported or "").strip().upper()
    if measured == "urine":
        return text.startswith("URINE")
    return not measured or text in _BLOOD
