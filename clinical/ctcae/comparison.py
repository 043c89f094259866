"""What is a term called in the newest version, and what does each version say of it, in our own words?"""

from collections.abc import Iterable

from clinical.ctcae.table import UNITLESS, Block, table
from clinical.ctcae.terms import plain_name

__all__ = ["meaning", "newest_name"]

NEWEST = "6.0"


def newest_name(term: str) -> str:
    """The plain name of a term in the newest version, where values grade it under another name; else its own.

    >>> newest_name("Platelet count decreased"), newest_name("CPK increased")
    ('thrombocytopenia', 'cpk increased')
    """
    plain = plain_name(term)
    successor = table(NEWEST).replaced.get(plain)
    renamed = successor is not None and plain_name(successor) in table(NEWEST).blocks
    return plain_name(successor) if successor is not None and renamed else plain


def meaning(version: str, term: str, grades: Iterable[int] = ()) -> str:
    """How a version grades a term by value, with the criteria of some grades as its table has them.

    >>> meaning("6.0", "Alkaline phosphatase increased", [1, 2])
    'above both baseline and the upper limit of normal; there is no higher grade (grade 1: > BL and > ULN)'
    >>> meaning("6.0", "CPK increased")
    'not graded by value'
    """
    name = newest_name(term)
    block = next((block for block in table(version).blocks.values() if newest_name(block.term) == name), None)
    if block is None:
        return "not graded by value"
    criteria = "; ".join(_criteria(block, grades))
    return f"{block.meaning} ({criteria})" if criteria else block.meaning


def _criteria(block: Block, grades: Iterable[int]) -> Iterable[str]:
    """In the unit that stands first in the table."""
    (printed, _), variant = next(iter(block.variants.items()))
    unit = "" if printed == UNITLESS else f", {printed}"
    for grade in grades:
        if grade in variant.grades:
            yield f"grade {grade}{unit}: {' or '.join(arm.text for arm in variant.grades[grade])}"
