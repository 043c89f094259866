"""Which term was meant by a name that a version does not have? Only what follows of itself; nothing is guessed."""

from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from clinical.ctcae.analytes import find_analyte
from clinical.ctcae.table import table
from clinical.ctcae.terms import find_term, plain_name, terms

__all__ = ["known_term", "suggest"]

_WAYS: Final = {
    "increased": "high", "high": "high", "elevated": "high", "prolonged": "high",
    "decreased": "low", "low": "low", "reduced": "low",
}  # fmt: skip
_AS_GOOD_AS_EQUAL: Final = 0.9
"""One or two letters of a name (difflib's ratio)."""
_OTHER: Final = " - other, specify"


def known_term(version: str, name: str) -> str | None:
    """The term that a reported name is, as the version writes it; `… - Other, specify: this` is the former."""
    head, other, _ = plain_name(name).partition(_OTHER)
    found = find_term(version, head + other)
    return found.name if found else None


@lru_cache(maxsize=4096)
def suggest(version: str, name: str) -> str | None:
    """The term of this version that is most likely meant, or None.

    A term of another version by its name here; a measured quantity with a direction; a slip of a letter or two.

    >>> suggest("5.0", "Thrombocytopenia"), suggest("5.0", "ALT increased"), suggest("5.0", "Diarhea")
    ('Platelet count decreased', 'Alanine aminotransferase increased', 'Diarrhea')
    """
    plain = plain_name(name)
    return _renamed(version, plain) or _measured(version, plain) or _misspelt(version, plain)


def _renamed(version: str, plain: str) -> str | None:
    """The name here of a term that only another version has, where values grade it."""
    here = table(version).replaced.get(plain)
    return None if here is None else known_term(version, here.partition(" (")[0])


def _measured(version: str, plain: str) -> str | None:
    quantity, _, word = plain.rpartition(" ")
    way, measured = _WAYS.get(word), find_analyte(quantity)
    if way is None or measured is None:
        return None
    return next((found.name for term in measured.terms.get(way, ()) if (found := find_term(version, term))), None)


def _misspelt(version: str, plain: str) -> str | None:
    close = get_close_matches(plain, terms(version), n=1, cutoff=_AS_GOOD_AS_EQUAL)
    return terms(version)[close[0]].name if close else None
