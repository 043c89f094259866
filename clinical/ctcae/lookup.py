"""Which terms grade an analyte, and what is a name used both ways? From test codes and plain names to CTCAE terms."""

from functools import lru_cache
from typing import Final

from clinical.ctcae.table import Block, table
from clinical.ctcae.terms import find_term, plain_name

__all__ = ["find_block", "terms_for"]

_BY_CODE: Final[dict[str, tuple[str, ...]]] = {
    "HGB": ("Anemia",),
    "WBC": ("White blood cell decreased",),
    "NEUT": ("Neutrophil count decreased",),
    "LYM": ("Lymphocyte count decreased",),
    "PLAT": ("Platelet count decreased", "Thrombocytopenia"),
    "ALT": ("Alanine aminotransferase increased",),
    "AST": ("Aspartate aminotransferase increased",),
    "ALP": ("Alkaline phosphatase increased",),
    "GGT": ("GGT increased",),
    "BILI": ("Blood bilirubin increased",),
    "CREAT": ("Creatinine increased",),
    "K": ("Hyperkalemia", "Hypokalemia"),
    "SODIUM": ("Hypernatremia", "Hyponatremia"),
    "CA": ("Hypercalcemia", "Hypocalcemia"),
    "CAION": ("Hypercalcemia", "Hypocalcemia"),
    "MG": ("Hypermagnesemia", "Hypomagnesemia"),
}
"""CDISC LBTESTCD (code list C65047) of blood, serum or plasma, and the terms of either version that grade it."""

_NAMES: Final[dict[str, str]] = {
    "hemoglobin": "HGB",
    "white blood cells": "WBC",
    "leukocytes": "WBC",
    "neutrophils": "NEUT",
    "neutrophil count": "NEUT",
    "lymphocytes": "LYM",
    "platelets": "PLAT",
    "platelet count": "PLAT",
    "alanine aminotransferase": "ALT",
    "aspartate aminotransferase": "AST",
    "alkaline phosphatase": "ALP",
    "gamma glutamyl transferase": "GGT",
    "bilirubin": "BILI",
    "creatinine": "CREAT",
    "potassium": "K",
    "sodium": "SODIUM",
    "calcium": "CA",
    "ionized calcium": "CAION",
    "magnesium": "MG",
}
"""Plain names of what is measured: used both ways where `direction` says which."""


@lru_cache(maxsize=4096)
def terms_for(version: str, analyte: str, specimen: str = "blood") -> tuple[tuple[str, str], ...]:
    """The (term, direction) pairs that grade a test code in a version; none for other specimens than blood."""
    if specimen != "blood":
        return ()
    blocks = table(version).blocks
    found = (blocks.get(plain_name(term)) for term in _BY_CODE.get(analyte, ()))
    return tuple((block.term, block.direction) for block in found if block is not None)


@lru_cache(maxsize=8192)
def find_block(version: str, name: str, direction: str | None) -> Block | str:
    """The block that grades a name; or why there is none, in words."""
    known = table(version)
    plain = plain_name(name)
    block = known.blocks.get(plain)
    if block is not None:
        if direction is not None and direction != block.direction:
            return f"{block.term} is graded by {block.direction} values"
        return block
    if plain in known.no_value:
        return known.no_value[plain]
    code = name.upper() if name.upper() in _BY_CODE else _NAMES.get(plain)
    if code is not None:
        graded = [pair for pair in terms_for(version, code) if direction is None or pair[1] == direction]
        if len(graded) == 1:
            return known.blocks[plain_name(graded[0][0])]
        return f"{name} is graded both ways: direction decides" if graded else f"CTCAE {version} does not grade {name}"
    if plain in known.replaced:
        return f"CTCAE {version} has no such term: it is now {known.replaced[plain]}"
    term = find_term(version, name)
    return f"CTCAE {version} has no such term" if term is None else f"{term.name} is not graded by a value here"
