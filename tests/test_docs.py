"""Do the pages beside the code name what exists?"""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "adr").iterdir())
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "GLOSSARY.md")]

PLACE = re.compile(r"`((?:[a-z_]+/)+[\w.-]*|[A-Z]+\.md|pyproject\.toml)`")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_the_number_of_its_file_and_its_four_parts(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    assert lines[0].startswith(f"# {path.name[:4]}. ")
    assert lines[2].startswith("Status: ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("path", [*PAGES, *DECISIONS], ids=lambda path: path.stem)
def test_every_decision_that_is_named_exists(path: Path) -> None:
    numbers = {decision.name[:4] for decision in DECISIONS}
    assert set(re.findall(r"\((\d{4})\)", path.read_text(encoding="utf-8"))) <= numbers


@pytest.mark.parametrize("path", [*PAGES, *DECISIONS], ids=lambda path: path.stem)
def test_every_place_that_is_named_exists(path: Path) -> None:
    named = PLACE.findall(path.read_text(encoding="utf-8"))
    assert not [place for place in named if not (ROOT / place).exists()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_picture_that_is_shown_exists_and_is_small(path: Path) -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert all(0 < (ROOT / name).stat().st_size < 200_000 for name in shown)
    assert shown or path.name != "README.md"


def test_the_places_are_looked_for_at_all() -> None:
    assert PLACE.findall("in `schemas/facts/`, `schemas/topics.py`, `GLOSSARY.md`, not `tocsin.raw` or `a/B c`") == [
        "schemas/facts/",
        "schemas/topics.py",
        "GLOSSARY.md",
    ]


def test_every_dependency_has_its_line_of_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    declared = {re.split(r"[^A-Za-z0-9_-]", one)[0] for one in [*project["dependencies"], *extras]}
    page = next(path for path in DECISIONS if path.name.endswith("-dependencies.md")).read_text(encoding="utf-8")
    listed = {name for line in re.findall(r"^\* (`.*?): ", page, re.M) for name in re.findall(r"`([^`]+)`", line)}
    assert listed == declared


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
