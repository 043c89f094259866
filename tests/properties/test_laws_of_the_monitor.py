"""Laws of the core, on invented histories: what changed adds up to what stands, and only that."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.monitor import standing, step
from clinical.state import Trial
from schemas.findings import AnyFinding, Change, CohortRuleFinding
from tests.builders import TRIAL, Message, adopted, adverse_event, dose, enrolled, lab, left_trial, message, read, tick

people = st.sampled_from(["P-001", "P-002", "P-003"])
days = st.integers(0, 80).map(lambda n: f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}")
partial = days | days.map(lambda day: day[:7]) | st.just("2026")
judgements = st.sampled_from([None, "related", "not_related"])


def event(
    person: str, term: str, grade: int | None, onset: str, judged: str | None, outcome: str, record: int
) -> Message:
    causality = () if judged is None else (("AK117", judged), ("cetuximab", judged))
    more = {"outcome": outcome} | ({} if grade else {"severity": "severe"})
    return adverse_event(
        person, term, grade, onset=onset, causality=causality, data=more, record=f"ae/{person}/{record}"
    )


def death(person: str, on: str, cause: str) -> Message:
    data = {"died_on": on, "cause": cause}
    return message("ParticipantDied.v1", data, record=f"dd/{person}", time=f"{on}T00:00:00Z", subject=person)


def end(person: str, on: str, drug: str | None, record: int) -> Message:
    data = {"ended_on": on, "drug": drug, "cause": "adverse_event"}
    return message("TreatmentEnded.v1", data, record=f"de/{person}/{record}", time=f"{on}T00:00:00Z", subject=person)


facts = st.one_of(
    st.builds(end, people, days, st.sampled_from([None, "AK117", "cetuximab"]), st.integers(1, 2)),
    st.builds(enrolled, people, on=days, group=st.sampled_from(["1", "2"])),
    st.builds(
        lambda p, drug, on, n: dose(p, drug, on=on, record=f"ex/{p}/{n}"),
        people,
        st.sampled_from(["AK117", "AK104", "cetuximab"]),
        partial,
        st.integers(1, 3),
    ),
    st.builds(
        lambda p, a, v, on, n: lab(p, a, v, unit="mmol/L" if a == "K" else "U/L", on=on, record=f"lb/{p}/{n}"),
        people,
        st.sampled_from(["ALT", "K"]),
        st.sampled_from(["1.9", "3", "5.2", "60", "100", "900"]),
        partial,
        st.integers(1, 6),
    ),
    st.builds(
        event,
        people,
        st.sampled_from(["Sepsis", "Alanine aminotransferase increased", "Hypokalemia", "Hepatic failure", "Fevr"]),
        st.sampled_from([None, 1, 3, 4, 5]),
        partial,
        judgements,
        st.sampled_from(["unknown", "fatal", "recovered"]),
        st.integers(1, 3),
    ),
    st.builds(death, people, days, st.sampled_from(["progression", "adverse_event", "unknown"])),
    st.builds(left_trial, people, on=days),
)


@st.composite
def histories(draw: Any) -> list[Message]:
    """A protocol, then facts, corrections and withdrawals of a few records, and ticks that never go back."""
    told: list[Message] = [adopted()]
    revision: dict[tuple[str, str], int] = {}
    kinds: dict[tuple[str, str], tuple[str, Any]] = {}
    clock = 0
    for fact in draw(st.lists(facts, max_size=25)):
        if draw(st.integers(0, 4)) == 0:
            clock += draw(st.integers(1, 30))
            told.append(tick(f"2026-{1 + clock // 28:02d}-{1 + clock % 28:02d}T00:00:00Z") if clock < 300 else told[0])
        name = (fact["source"], fact["record"])
        if kinds.setdefault(name, (fact["type"], fact["subject"])) != (fact["type"], fact["subject"]):
            continue
        number = revision[name] = revision.get(name, 0) + 1
        again = {"revision": number, "reason": "corrected"} if number > 1 else {}
        if number > 1 and draw(st.integers(0, 3)) == 0:
            fact = {k: v for k, v in fact.items() if k != "data"} | {"type": "tocsin.RecordWithdrawn.v1", "data": {}}
        told.append(fact | again)
    return [one for number, one in enumerate(told) if number == 0 or one is not told[0]]


def folded(history: Iterable[Message]) -> tuple[Trial, dict[str, AnyFinding], list[Change]]:
    """The trial, what the changes add up to, and the changes."""
    trial, stands, changes = Trial(TRIAL), dict[str, AnyFinding](), list[Change]()
    for position, one in enumerate(history, start=1):
        trial, made = step(trial, read(one), position)
        for change in made:
            stood = stands.get(change.finding.key)
            assert (stood is None) == (change.state == "raised")
            assert change.state != "changed" or stood != change.finding
            if change.state == "withdrawn":
                assert stands.pop(change.finding.key) == change.finding
            else:
                stands[change.finding.key] = change.finding
        changes.extend(made)
    return trial, stands, changes


@settings(max_examples=300, deadline=None)
@given(histories())
def test_the_changes_add_up_to_what_stands(history: list[Message]) -> None:
    trial, stands, _ = folded(history)
    assert stands == standing(trial)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_same_history_gives_the_same_changes(history: list[Message]) -> None:
    assert folded(history)[2] == folded(history)[2]


@settings(max_examples=100, deadline=None)
@given(histories())
def test_official_implies_certain_and_certain_implies_possible(history: list[Message]) -> None:
    for finding in folded(history)[1].values():
        if isinstance(finding, CohortRuleFinding):
            assert finding.certain or not finding.official
            assert finding.possible or not finding.certain
