"""Which blocks does a version grade by value? Reads v5.yaml and v6.yaml, and refuses a grade that does not exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any, Final

import yaml

from clinical.ctcae.criterion import Arm, read_arm
from clinical.ctcae.terms import find_term, plain_name
from clinical.units import KINDS

__all__ = ["UNITLESS", "Block", "Hole", "Ungraded", "Variant", "Version", "table"]

UNITLESS: Final = "-"
"""The family of criteria that are multiples of a limit or of baseline: no unit is needed."""

_FILES: Final = {"5.0": "v5.yaml", "6.0": "v6.yaml"}
_BLOCK_KEYS: Final = frozenset(
    {"term", "direction", "meaning", "unit", "scales", "upgrades", "holes", "ungraded", "note", "signed", "examples"}
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap between two printed ranges, one printed unit wide; a value inside is rounded half up (pitfall 15)."""

    measure: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Ungraded:
    """A range for which the version prints no grade, and why: neither 0 nor anything else."""

    arm: Arm
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """The criteria of one printed unit family: grade -> the arms of which any one suffices."""

    grades: Mapping[int, tuple[Arm, ...]]
    holes: tuple[Hole, ...]
    ungraded: tuple[Ungraded, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Everything one version says about grading one term by value. Compared by identity: it is read once."""

    version: str
    term: str
    system_organ_class: str
    exists: frozenset[int]
    direction: str
    meaning: str
    unit: str | None
    variants: Mapping[tuple[str, str], Variant]
    upgrades: tuple[tuple[int, str], ...]
    notes: tuple[tuple[Arm, str], ...]
    signed: bool
    reads: frozenset[str]
    examples: tuple[str, ...]

    @property
    def highest(self) -> int:
        """The highest grade that a value and its facts can reach."""
        graded = (max(variant.grades) for variant in self.variants.values())
        return max(chain(graded, (grade for grade, _ in self.upgrades)))


@dataclass(frozen=True, slots=True)
class Version:
    """The blocks of one version by plain term name, and the names of the version before that it no longer has."""

    blocks: Mapping[str, Block]
    replaced: Mapping[str, str]
    no_value: Mapping[str, str]


@lru_cache(maxsize=2)
def table(version: str) -> Version:
    """The blocks of a version; KeyError for another version, ValueError where a block contradicts the term list."""
    source = _read(version)
    blocks = [_block(version, entry) for entry in _entries(version, source)]
    return Version(
        {plain_name(block.term): block for block in blocks},
        {plain_name(old): new for old, new in source.get("replaced", {}).items()},
        {plain_name(name): why for name, why in source.get("no_value", {}).items()},
    )


def _read(version: str) -> dict[str, Any]:
    text = files("clinical.ctcae").joinpath(_FILES[version]).read_text("utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def _entries(version: str, source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from source["blocks"]
    same = set(source.get("same_as_v5", ()))
    if same:
        before = {entry["term"]: entry for entry in _read("5.0")["blocks"]}
        if unknown := same - before.keys():
            raise ValueError(f"CTCAE {version}: same_as_v5 names no block of 5.0: {sorted(unknown)}")
        yield from (entry for term, entry in before.items() if term in same)


def _block(version: str, entry: dict[str, Any]) -> Block:
    term = find_term(version, entry["term"])
    if term is None or entry.keys() - _BLOCK_KEYS:
        raise ValueError(f"CTCAE {version}: {entry['term']}: no such term, or an unknown key")
    if (kind := entry.get("unit")) is not None and kind not in KINDS:
        raise ValueError(f"CTCAE {version}: {term.name}: unknown kind of unit {kind!r}")
    variants = {_variant_key(key): _variant(entry, key, grades) for key, grades in entry["scales"].items()}
    notes = tuple((read_arm(text), note) for text, note in entry.get("note", {}).items())
    upgrades = tuple((grade, fact) for grade, names in entry.get("upgrades", {}).items() for fact in _listed(names))
    _refuse_missing_grades(version, term.name, term.grades, variants.values(), upgrades)
    return Block(
        version, term.name, term.system_organ_class, term.grades, entry["direction"], entry["meaning"], kind,
        variants, upgrades, notes, bool(entry.get("signed", False)), _reads(variants, upgrades, notes),
        tuple(entry["examples"]),
    )  # fmt: skip


def _variant_key(text: str) -> tuple[str, str]:
    """`mmol/L | ionized` -> the family and the variant of it."""
    family, _, variant = text.partition("|")
    return family.strip(), variant.strip()


def _variant(entry: dict[str, Any], key: str, grades: dict[int, Any]) -> Variant:
    criteria = {grade: tuple(read_arm(text) for text in _listed(texts)) for grade, texts in grades.items()}
    holes = tuple(
        Hole(measure, Decimal(str(low)), Decimal(str(high)))
        for measure, pairs in entry.get("holes", {}).get(key, {}).items()
        for low, high in pairs
    )
    ungraded = tuple(Ungraded(read_arm(text), why) for text, why in entry.get("ungraded", {}).get(key, {}).items())
    return Variant(criteria, holes, ungraded)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _refuse_missing_grades(
    version: str, term: str, exists: frozenset[int], variants: Any, upgrades: tuple[tuple[int, str], ...]
) -> None:
    used = {grade for variant in variants for grade in variant.grades} | {grade for grade, _ in upgrades}
    if wrong := used - (exists - {5}):
        raise ValueError(f"CTCAE {version}: {term} has no grade {sorted(wrong)} that a value could give")


def _reads(
    variants: Mapping[tuple[str, str], Variant],
    upgrades: tuple[tuple[int, str], ...],
    notes: tuple[tuple[Arm, str], ...],
) -> frozenset[str]:
    """Names of everything these criteria look at beside the value."""
    arms = [arm for variant in variants.values() for group in variant.grades.values() for arm in group]
    arms += [arm for variant in variants.values() for ungraded in variant.ungraded for arm in (ungraded.arm,)]
    arms += [arm for arm, _ in notes]
    names = {fact for _, fact in upgrades} | {key for _, variant in variants for key in variant.split()}
    for arm in arms:
        names.update(condition.name for condition in arm.conditions)
        names.update(comparison.limit for comparison in arm.comparisons if comparison.limit)
        names.update(_MEASURE_READS.get(comparison.measure, "value") for comparison in arm.comparisons)
    if "percent_change" in names:
        names.add("BL")
    if all(comparison.measure.endswith("%") for arm in arms for comparison in arm.comparisons):
        names.add("percent_is_value")
    return frozenset(names)


_MEASURE_READS: Final = {
    "excess": "ULN",
    "shortfall": "LLN",
    "rise": "BL",
    "fall": "BL",
    "rise%": "percent_change",
    "fall%": "percent_change",
}
