"""How is a story written? The shape of a file in this folder, read strictly: a misspelt word is refused.

Days are study days: day 1 is that of the first dose, day -1 the one before, and there is no day 0. A moment is a day
(`12`), a day with its time (`12 10:30`), a date as a source may know it (`2026-02`), or `unknown`.
Every value is text, as it stands there.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parent

Moment = str
ALL = "all"
Drugs = Literal["all"] | tuple[str, ...]


class Written(BaseModel):
    """A part of a story."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Written):
    """An adverse event as it is reported. Its name in the story is `name`, or the term."""

    term: str
    name: str | None = None
    grade: int | None = None
    severity: str | None = None
    course: dict[str, int] = Field(default_factory=dict)
    """The grade over time: `{12: 2, 15: 3}`."""
    onset: Moment | None = None
    """When it began; not given: on the day of the step."""
    end: Moment | None = None
    outcome: str | None = None
    serious: str | None = None
    """`no`, or the criterion that makes it serious."""
    related: Drugs = ()
    """The drugs that the investigator calls related."""
    unrelated: Drugs = ()
    sponsor_related: Drugs = ()
    sponsor_unrelated: Drugs = ()
    infusion: bool | None = None
    """Whether it came during or within a day after an infusion."""
    body_system: str | None = None


class Medicine(Written):
    """A course of one medicine or blood product."""

    name: str
    purpose: str
    started: Moment | None = None
    ended: Moment | None = None
    dose: str | None = None
    """A day's dose, such as `60 mg`."""


class End(Written):
    """The end of one drug, or of all study treatment."""

    cause: str
    drug: str | None = None


class Adjudged(Written):
    """What a person concluded about a rule that stands, or about any finding by its key."""

    rule: str | None = None
    finding: str | None = None
    verdict: Literal["confirmed", "refuted", "undecided"]
    because: str | None = None


class Board(Written):
    """What a board decided."""

    decision: Literal["continue", "modify", "pause", "resume", "stop"]
    scope: str


class Expected(Written):
    """What stands, exactly, of each kind that is named. A kind that is not named stands as it stood."""

    rules: dict[str, str] | None = None
    """Rules about the participant: `true`, `pending until 12`, `unknown: what is missing`."""
    drugs: dict[str, str] | None = None
    """Drugs that are not simply to be given as planned: `held`, `stopped`, …"""
    queries: dict[str, str | list[str]] | None = None
    """Questions to the source, each with the records it is about."""
    grades: dict[str, str] | None = None
    """Grades by record; what is certainly of grade 0 is left out."""
    counts: dict[str, str] | None = None
    """What participants count as for rules about groups: event, completed, pending, not_evaluable."""
    groups: dict[str, str] | None = None
    """Rules about groups, by group: `below, 1 of 3`."""


class Step(Written):
    """What became known on one day, after the clock has come so far; a step that tells nothing lets time pass."""

    day: int
    at: str = "12:00"
    participant: str = "P-1"
    on: Moment | None = None
    """When it happened, where that is another day."""
    enrolled: str | None = None
    """Into which group."""
    doses: dict[str, str] = Field(default_factory=dict)
    """By drug: `as planned`, or `200 mg/m2`, with `at 50 %` or `interrupted` behind it."""
    omitted: dict[str, str] = Field(default_factory=dict)
    """Doses that were left out, each with its reason."""
    labs: dict[str, str] = Field(default_factory=dict)
    """By analyte: `78 g/L (120-160)`, the limits as far as the laboratory gives them."""
    vitals: dict[str, str] = Field(default_factory=dict)
    event: Event | None = None
    medicine: Medicine | None = None
    ended: End | None = None
    died: str | None = None
    """Of what."""
    left: str | None = None
    """Why."""
    tumour: tuple[str, ...] = ()
    """A baseline scan shows a tumour in these organs."""
    progressed: bool = False
    """A scan was read as progression."""
    adjudicated: Adjudged | None = None
    decided: Board | None = None
    corrected: dict[str, Any] = Field(default_factory=dict)
    """By record: what it says now, or the parts of it that changed; `on`: when it happened."""
    withdrawn: tuple[str, ...] = ()
    """Records that should not count."""
    because: str = "entered wrongly"
    """Why it was corrected or withdrawn."""
    expect: Expected = Expected()


class Story(Written):
    """One history, and what stands after each step of it."""

    tells: str
    """The claim, in one sentence."""
    group: Annotated[str, Field(pattern="^[0-9a-z]+$")] = "1"
    begins: Literal["treated", "enrolled"] = "treated"
    """`treated`: enrolled on day -1, and given all drugs of the group on day 1, before the first step."""
    dosing: Literal["planned", "told"] = "planned"
    """`planned`: after the first dose every dose that is due is given at noon, as the drug then stands, unless a step
    says otherwise of that day; `told`: only the doses of the steps."""
    looks_at: tuple[str, ...] = ("rules", "drugs", "queries")
    """The kinds that it is held against from its beginning; another kind from where it first names it."""
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Story":
        days = [step.day for step in self.steps]
        if days != sorted(days) or 0 in days:
            raise ValueError("steps follow each other, and there is no day 0")
        if not any(step.expect.model_fields_set for step in self.steps):
            raise ValueError("a story without an expectation tells nothing")
        return self


class Page(Written):
    """A file: stories about rules of a protocol that belong together, or about a subject that is no rule."""

    rules: tuple[str, ...] = ()
    """The rules' ids in the protocol file."""
    about: str | None = None
    """The subject, where it is no rule."""
    protocol: str = "ak117_hnscc"
    stories: tuple[Story, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _about_one_thing(self) -> "Page":
        if bool(self.rules) == bool(self.about):
            raise ValueError("a file is about rules, or about a subject")
        return self


def read_page(path: Path) -> Page:
    """One file of stories."""
    return Page.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def pages() -> dict[str, Page]:
    """Every file of stories, by its name."""
    return {path.stem: read_page(path) for path in sorted(FOLDER.glob("*.yaml"))}
