"""Which CTCAE terms can a laboratory test, vital sign or ECG measurement grade? Test codes and plain names to terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from clinical.ctcae.table import table
from clinical.ctcae.terms import plain_name

__all__ = ["Analyte", "find_analyte", "terms_for"]

_BLOOD: Final = frozenset(
    {
        "", "BLOOD", "SERUM", "PLASMA", "SERUM OR PLASMA", "SERUM/PLASMA", "WHOLE BLOOD", "VENOUS BLOOD",
        "ARTERIAL BLOOD", "CAPILLARY BLOOD",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something measured: its CDISC code, the terms it can grade in each direction, and where it is measured.

    `variant` selects among the criteria of a term (ionized, diastolic). `specimen` is "blood", "urine" or "" (a vital
    sign or an ECG has none).
    """

    code: str
    terms: Mapping[str, tuple[str, ...]]
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
        analyte = Analyte(code, terms, entry.get("specimen", "blood"), entry.get("variant", ""))
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


def _same_specimen(measured: str, reported: str | None) -> bool:
    text = (reported or "").strip().upper()
    if measured == "urine":
        return text.startswith("URINE")
    return not measured or text in _BLOOD
