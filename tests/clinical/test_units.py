"""What a reported unit means depends on what was measured."""

from decimal import Decimal

import pytest

from clinical.units import normalise, resolve


def test_the_same_letters_are_cells_for_a_count_and_grams_for_haemoglobin() -> None:
    assert resolve("cells", "G/L").family == "10^9/L"  # type: ignore[union-attr]
    assert resolve("haemoglobin", "G/L").family == "g/L"  # type: ignore[union-attr]


@pytest.mark.parametrize("unit", [None, "", "mg/L", "10^9", "g/dL", "10^12/L", "ug/L"])
def test_a_unit_outside_its_families_is_unknown_and_never_rescaled_by_its_prefix(unit: str | None) -> None:
    assert resolve("cells", unit) is None


def test_a_milliequivalent_of_a_divalent_ion_is_half_a_millimole() -> None:
    assert resolve("divalent ion", "mEq/L").cut_factor == Decimal(2)  # type: ignore[union-attr]
    assert resolve("monovalent ion", "mEq/L").cut_factor == Decimal(1)  # type: ignore[union-attr]


@pytest.mark.parametrize("unit", ["10^9/L", "10*9/L", "10**9/L", "10E9/L", "x10E9/L", "x 10^9/L", "×10⁹/L", "10e+09/L"])
def test_a_power_of_ten_has_one_normal_form(unit: str) -> None:
    assert normalise(unit) == "10^9/l"
