"""How much prednisone is a daily dose of a steroid? The usual table of equal anti-inflammatory doses.

Source: Meikle and Tyler, Am J Med 1977;63:200-207 (potency of glucocorticoids), as most formularies print it.
"""

from decimal import Decimal

__all__ = ["as_prednisone"]

EQUAL_TO_5_MG: dict[str, Decimal] = {
    "prednisone": Decimal("5"),
    "prednisolone": Decimal("5"),
    "methylprednisolone": Decimal("4"),
    "triamcinolone": Decimal("4"),
    "dexamethasone": Decimal("0.75"),
    "betamethasone": Decimal("0.75"),
    "hydrocortisone": Decimal("20"),
    "cortisone": Decimal("25"),
}
"""Milligrams that equal 5 mg of prednisone."""


def as_prednisone(name: str, dose: Decimal | None, unit: str | None) -> Decimal | None:
    """Milligrams of prednisone a day; None for a steroid that is not in the table, or a dose that is not known in mg.

    >>> as_prednisone("methylprednisolone", Decimal("8"), "mg")
    Decimal('10')
    """
    equal = EQUAL_TO_5_MG.get(name.lower())
    if equal is None or dose is None or (unit or "").lower() not in {"mg", "mg/d", "mg/day"}:
        return None
    return dose * 5 / equal
