"""Does every panel run, say what it means, and count what a plain count of the findings counts?"""

from collections import Counter
from collections.abc import Iterator

import pytest

from dashboards.panels import Panel, Row, Table
from dashboards.panels.cuts import AT_INSTANT, MOVED
from dashboards.panels.dosing import DOSE_STATES
from dashboards.panels.overview import CHANGES, MISSING, OPEN
from dashboards.panels.participants import FACTS_OF_ONE, FINDINGS_OF_ONE, LIST, SCREENING
from dashboards.panels.people import DECIDING, MEASURES, NAMED, SUMMARY
from dashboards.panels.pipeline import REFUSED, SOURCES
from dashboards.panels.registry import PANELS
from dashboards.panels.stopping import CARDS, IN_ORDER
from dashboards.panels.toxicity import LEFT_OUT, OF_TERM, TABLE
from schemas.findings import (
    Change,
    CohortRuleFinding,
    DoseDecisionFinding,
    GradeFinding,
    ParticipantRuleFinding,
    QueryFinding,
)
from streams.sink import Sink
from streams.store.chdb_store import Store
from tests.dashboards.told_trial import told_trial
from tests.streams.told_ledger import ToldLedger

NOW = 10_000


@pytest.fixture(scope="module")
def ledger() -> ToldLedger:
    told = ToldLedger()
    told.tell(*told_trial())
    told.refuse("facts.ndjson:7", "data.value", "a measured value is a JSON string", "laboratory")
    told.refuse("facts.ndjson:9", "data.value", "a measured value is a JSON string", "laboratory")
    return told


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, ledger: ToldLedger) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("panels") / "boards")
    Sink(opened).catch_up(ledger)
    yield opened
    opened.close()


def rows(panel: Panel, store: Store, ledger: ToldLedger, as_of: int = NOW, **chosen: str | int) -> list[Row]:
    return panel.rows(store, ledger.trial, as_of, **chosen)


CHOSEN = {"participant": "P-001", "term": "Rash", "records": "edc|dm/P-001"}


def chosen(panel: Panel) -> dict[str, str]:
    """A choice for every parameter that gives nothing without one."""
    return {name: value for name, value in CHOSEN.items() if name in panel.parameters}


def standing(ledger: ToldLedger, as_of: int = NOW) -> dict[str, Change]:
    stands = {change.finding.key: change for change in ledger.changes if change.since <= as_of}
    return {key: change for key, change in stands.items() if change.state != "withdrawn"}


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_runs_on_a_trial_that_has_nothing(store: Store, panel: Panel) -> None:
    assert len(panel.rows(store, "NOBODY", NOW)) <= 1


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_gives_the_columns_it_promises(store: Store, ledger: ToldLedger, panel: Panel) -> None:
    given = rows(panel, store, ledger, NOW, **chosen(panel))
    assert given
    if isinstance(panel.encoding, Table):
        assert {column.name for column in panel.encoding.columns} <= given[0].keys()


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_says_what_it_is(panel: Panel) -> None:
    assert panel.title
    assert panel.description.endswith(".")
    assert "{trial:String}" in panel.sql
    assert "{as_of:UInt64}" in panel.sql or panel is REFUSED


def test_no_panel_has_the_name_of_another() -> None:
    assert all(name == panel.name for name, panel in PANELS.items())


@pytest.mark.parametrize("as_of", [0, 1, 9, 20, 23, 28])
def test_a_cut_shows_what_was_known_then_whatever_came_later(
    tmp_path_factory: pytest.TempPathFactory, store: Store, ledger: ToldLedger, as_of: int
) -> None:
    """The trial as it stood at the cut, told anew as another trial, gives the same panels."""
    then = ToldLedger(trial=f"THEN-{as_of}")
    then.tell(*told_trial()[:as_of])
    Sink(store).catch_up(_Both(ledger, then))
    for panel in PANELS.values():
        if panel is REFUSED:
            continue
        later = panel.rows(store, ledger.trial, as_of, **chosen(panel))
        told = panel.rows(store, then.trial, NOW if panel is not AT_INSTANT else as_of, **chosen(panel))
        assert [_without_trial(row) for row in later] == [_without_trial(row) for row in told], panel.name


class _Both:
    """Two ledgers as one home has them."""

    def __init__(self, *ledgers: ToldLedger) -> None:
        self._by_trial = {ledger.trial: ledger for ledger in ledgers}
        self.trials = lambda: [trial for ledger in ledgers for trial in ledger.trials()]
        self.facts = lambda trial, *cut: (
            self._by_trial[trial].facts(trial, *cut) if trial in self._by_trial else iter(())
        )
        self.published = lambda trial, after=0: self._by_trial[trial].published(trial, after)
        self.published_up_to = lambda trial: self._by_trial[trial].published_up_to(trial)
        self.quarantined = ledgers[0].quarantined


def _without_trial(row: Row) -> Row:
    """Ids and trial names differ between two trials; nothing else may."""
    return {name: value for name, value in row.items() if name != "body"}


@pytest.mark.parametrize("panel", [panel for panel in PANELS.values() if panel.reads], ids=lambda panel: panel.name)
def test_a_panel_stands_still_while_nothing_moves_that_it_reads(store: Store, ledger: ToldLedger, panel: Panel) -> None:
    assert panel.reads
    known: dict[int, list[Row]] = {}
    for as_of in range(len(told_trial()) + 1):
        moved = {row["name"]: row["moved"] for row in rows(MOVED, store, ledger, as_of)}
        stood = max(moved.get(name, 0) for name in panel.reads)
        given = rows(panel, store, ledger, as_of, **chosen(panel))
        assert known.setdefault(stood, given) == given, f"at {as_of}, as since {stood}"
    assert 1 < len(known) < len(told_trial())


def test_dose_states_are_those_of_a_plain_count(store: Store, ledger: ToldLedger) -> None:
    plain: dict[tuple[str, str, str, str], list[str]] = {}
    for change in standing(ledger).values():
        one = change.finding
        if isinstance(one, DoseDecisionFinding):
            because = one.reason if one.rule == "treatment_ended" else one.rule
            place = (str(one.scope), one.drug, one.action, because)
            plain.setdefault(place, []).append(str(one.participant))
    counted = {
        (row["scope"], row["drug"], row["action"], row["reason"]): row["who"].split(", ")
        for row in rows(DOSE_STATES, store, ledger)
    }
    assert counted == {place: sorted(names) for place, names in plain.items()}
    assert counted["2", "AK104", "stopped", "P19_grade_4"] == ["P-004", "P-005", "P-006"]


def test_worst_grades_are_those_of_a_plain_count(store: Store, ledger: ToldLedger) -> None:
    worst: dict[tuple[str, str, str], int] = {}
    for change in standing(ledger).values():
        one = change.finding
        if isinstance(one, GradeFinding) and one.grade is not None:
            place = (one.term, str(one.scope), str(one.participant))
            worst[place] = max(one.grade, worst.get(place, 0))
    plain = Counter((term, scope, grade) for (term, scope, _), grade in worst.items() if grade)
    table = rows(TABLE, store, ledger, period="any")
    counted = {
        (row["term"], row["scope"], grade): row[f"grade_{grade}"]
        for row in table for grade in range(1, 6) if row[f"grade_{grade}"]
    }  # fmt: skip
    assert counted == dict(plain)
    assert counted["Hepatic failure", "2", 4] == 3


def test_every_term_ever_graded_or_reported_has_a_row_for_every_group(store: Store, ledger: ToldLedger) -> None:
    table = rows(TABLE, store, ledger)
    terms = {change.finding.term for change in standing(ledger).values() if isinstance(change.finding, GradeFinding)}
    assert {(row["term"], row["scope"]) for row in table} == {(term, group) for term in terms for group in ("1", "2")}
    assert all(row["enrolled"] == 3 for row in table)


def test_what_began_before_the_first_dose_is_left_out_and_counted(store: Store, ledger: ToldLedger) -> None:
    before = rows(LEFT_OUT, store, ledger)[0]
    assert before == {"findings": 1, "participants": 1}
    any_time = {row["term"]: row for row in rows(TABLE, store, ledger, as_of=16, period="any") if row["scope"] == "1"}
    treated = {row["term"]: row for row in rows(TABLE, store, ledger, as_of=16) if row["scope"] == "1"}
    assert any_time["Alanine aminotransferase increased"]["grade_1"] == 1
    assert treated["Alanine aminotransferase increased"]["grade_1"] == 0


def test_an_event_with_bounds_only_is_not_graded_and_counts_at_no_grade(store: Store, ledger: ToldLedger) -> None:
    (row,) = [row for row in rows(TABLE, store, ledger) if (row["term"], row["scope"]) == ("Fatigue", "2")]
    assert row["not_graded"] == 1
    assert sum(row[f"grade_{grade}"] for grade in range(1, 6)) == 0


def test_the_table_can_show_reported_events_or_values_alone(store: Store, ledger: ToldLedger) -> None:
    reported = {row["term"] for row in rows(TABLE, store, ledger, basis="reported")}
    measured = {row["term"] for row in rows(TABLE, store, ledger, basis="laboratory")}
    assert "Hepatic failure" in reported - measured
    assert "Alanine aminotransferase increased" in measured - reported


def test_a_correction_moves_a_participant_to_the_corrected_grade(store: Store, ledger: ToldLedger) -> None:
    told = next(number for number, message in enumerate(told_trial(), 1) if message["record"].startswith("ae/P-001"))
    at = {
        as_of: next(row for row in rows(TABLE, store, ledger, as_of) if (row["term"], row["scope"]) == ("Rash", "1"))
        for as_of in (told, told + 1)
    }
    assert (at[told]["grade_4"], at[told]["grade_2"]) == (1, 0)
    assert (at[told + 1]["grade_4"], at[told + 1]["grade_2"]) == (0, 1)


def test_the_cards_are_the_findings_that_stand(store: Store, ledger: ToldLedger) -> None:
    stands = {(row["rule"], row["scope"]): row["valid_from"] for row in rows(CARDS, store, ledger)}
    plain = {
        (change.finding.rule, change.finding.scope): change.since
        for change in standing(ledger).values()
        if change.finding.kind == "cohort_rule"
    }
    assert stands == plain
    official = {row["scope"]: row["official_from"] for row in rows(CARDS, store, ledger)}
    first = next(
        change.since for change in ledger.changes
        if isinstance(change.finding, CohortRuleFinding) and change.finding.official
    )  # fmt: skip
    assert official == {"1": 0, "2": first}


@pytest.mark.parametrize("as_of", range(1, len(told_trial()) + 1))
def test_the_path_in_order_of_enrolment_ends_where_the_rule_stands(
    store: Store, ledger: ToldLedger, as_of: int
) -> None:
    path = rows(IN_ORDER, store, ledger, as_of)
    for change in standing(ledger, as_of).values():
        if isinstance(finding := change.finding, CohortRuleFinding):
            own = [row for row in path if row["scope"] == finding.scope and row["status"] != "not_evaluable"]
            settled = [row for row in own if row["pending"] == 0]
            last = settled[-1] if settled else {"n": 0, "x": 0}
            assert (last["n"], last["x"]) == (finding.n, finding.x)
            assert len(own) == finding.enrolled
            if own:
                assert (own[-1]["x"], own[-1]["pending"]) == (finding.events, finding.pending)


def test_what_changed_is_what_a_board_asks_about(store: Store, ledger: ToldLedger) -> None:
    changed = rows(CHANGES, store, ledger)
    assert [row["valid_from"] for row in changed] == sorted((row["valid_from"] for row in changed), reverse=True)
    assert {row["kind"] for row in changed} == {"cohort_rule", "participant_rule", "grade"}
    assert all(row["grade"] != 0 for row in changed if row["kind"] == "grade")
    headache = [row["state"] for row in changed if "Headache" in row["sentence"] and row["kind"] == "grade"]
    assert headache == ["withdrawn", "raised"]
    rash = [(row["state"], row["grade"]) for row in changed if row["term"] == "Rash"]
    assert rash == [("changed", 2), ("raised", 4)]
    first = next(change.since for change in ledger.changes if "Headache" in change.finding.sentence)
    told_at = [row for row in rows(CHANGES, store, ledger, as_of=first) if row["valid_from"] == first]
    assert {(row["kind"], row["state"]) for row in told_at} == {("grade", "raised"), ("participant_rule", "raised")}
    assert all(row["recorded"].startswith("2026-01-02") for row in changed)


@pytest.mark.parametrize("since", [0, 1, 18, 21, 23, 27, NOW])
def test_what_changed_since_a_look_is_the_rest_of_what_changed(store: Store, ledger: ToldLedger, since: int) -> None:
    everything = rows(CHANGES, store, ledger)
    assert rows(CHANGES, store, ledger, since=since) == [row for row in everything if row["valid_from"] > since]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("as_of", [9, 20, NOW])
def test_every_count_of_people_can_be_opened(store: Store, ledger: ToldLedger, measure: str, as_of: int) -> None:
    counted = {row["scope"]: row[measure] for row in rows(SUMMARY, store, ledger, as_of)}
    named = rows(NAMED, store, ledger, as_of, measure=measure)
    assert counted == {
        scope: sum(row["counted"] for row in named if row["scope"] == scope) for scope in counted
    }  # fmt: skip
    people = {row["participant"]: row["counted"] for row in named}
    facts = Counter(row["participant"] for row in rows(DECIDING, store, ledger, as_of, measure=measure))
    assert all(facts[name] >= (1 if times else 0) for name, times in people.items())
    if measure.startswith("serious"):
        assert sum(facts.values()) == sum(people.values())


def test_every_number_of_the_toxicity_table_can_be_opened(store: Store, ledger: ToldLedger) -> None:
    for row in rows(TABLE, store, ledger):
        own = [one for one in rows(OF_TERM, store, ledger, term=row["term"]) if one["scope"] == row["scope"]]
        people: dict[str, list[Row]] = {}
        for one in own:
            if one["counts"]:
                people.setdefault(one["participant"], []).append(one)
        worst = Counter(max((one["grade"] or 0 for one in told), default=0) for told in people.values())
        assert [row[f"grade_{grade}"] for grade in range(1, 6)] == [worst[grade] for grade in range(1, 6)]
        for name, column in (("any", 1), ("severe", 3)):
            assert row[f"{name}_least"] == sum(max(one["least"] for one in told) >= column for told in people.values())
            assert row[f"{name}_most"] == sum(max(one["most"] for one in told) >= column for told in people.values())


def test_what_has_bounds_only_counts_as_far_as_they_say(store: Store, ledger: ToldLedger) -> None:
    (severe,) = [row for row in rows(TABLE, store, ledger) if (row["term"], row["scope"]) == ("Fatigue", "2")]
    assert [severe[name] for name in ("any_least", "any_most", "severe_least", "severe_most")] == [1, 1, 1, 1]


def test_people_are_counted_where_they_stand(store: Store, ledger: ToldLedger) -> None:
    by_group = {row["scope"]: row for row in rows(SUMMARY, store, ledger)}
    assert [by_group[group]["enrolled"] for group in ("1", "2")] == [3, 3]
    assert [by_group[group]["on_treatment"] for group in ("1", "2")] == [1, 2]
    assert [by_group[group]["deaths"] for group in ("1", "2")] == [1, 0]
    assert [by_group[group]["stopped_for_toxicity"] for group in ("1", "2")] == [0, 1]
    assert [by_group[group]["serious"] for group in ("1", "2")] == [0, 1]
    listed = {row["participant"]: row for row in rows(LIST, store, ledger)}
    assert listed["P-002"]["died_on"] == "2026-01-25"
    assert listed["P-003"]["withdrew_on"] == "2026-01-28"
    assert listed["P-004"]["rules"] == ["P19_grade_4", "intolerable_toxicity"]
    assert listed["P-001"]["rules"] == []


def test_who_failed_screening_is_counted_and_whoever_came_in_after_all_did_not_fail(
    store: Store, ledger: ToldLedger
) -> None:
    (counted,) = rows(SCREENING, store, ledger)
    assert counted == {"screened": 8, "enrolled": 6, "failed": 2}
    (before,) = rows(SCREENING, store, ledger, as_of=1)
    assert counted.keys() == before.keys()
    assert set(before.values()) == {0}


def test_open_questions_are_the_queries_that_stand(store: Store, ledger: ToldLedger) -> None:
    plain = Counter(
        change.finding.rule for change in standing(ledger).values() if isinstance(change.finding, QueryFinding)
    )
    missing = rows(MISSING, store, ledger)
    assert {row["question"]: row["open"] for row in missing if row["what"] == "query"} == dict(plain)
    assert plain
    lacking = [
        one.finding
        for one in standing(ledger).values()
        if isinstance(one.finding, ParticipantRuleFinding) and one.finding.verdict == "unknown"
    ]
    (rules,) = (row for row in missing if row["what"] == "participant_rule")
    assert (rules["open"], rules["participants"]) == (len(lacking), len({one.participant for one in lacking}))
    opened = Counter((row["what"], row["question"]) for row in rows(OPEN, store, ledger))
    assert {(row["what"], row["question"]): row["open"] for row in missing} == dict(opened)


def test_a_time_line_has_every_revision_and_every_change(store: Store, ledger: ToldLedger) -> None:
    facts = rows(FACTS_OF_ONE, store, ledger, participant="P-001")
    records = [(row["record"], row["revision"]) for row in facts if row["record"].startswith("ae/")]
    assert [revision for _, revision in records] == [1, 2]
    assert [row["occurred"] for row in facts] == sorted(row["occurred"] for row in facts)
    changes = [change for change in ledger.changes if change.finding.participant == "P-001"]
    assert len(rows(FINDINGS_OF_ONE, store, ledger, participant="P-001")) == len(changes)


def test_facts_are_counted_by_source_and_silence_by_the_ledgers_clock(store: Store, ledger: ToldLedger) -> None:
    counted = rows(SOURCES, store, ledger)
    assert sum(row["facts"] for row in counted) == len(told_trial())
    silent = {(row["source"], row["family"]): row["silent_seconds"] for row in counted}
    assert silent["tocsin:clock", "trial"] == 0
    assert silent["sponsor", "trial"] == 60 * (len(told_trial()) - 1)


def test_quarantine_is_shown_by_what_is_wrong(store: Store, ledger: ToldLedger) -> None:
    (row,) = rows(REFUSED, store, ledger)
    assert (row["source"], row["path"], row["messages"]) == ("laboratory", "data.value", 2)
    assert row["last_address"] == "facts.ndjson:9"


def test_an_instant_names_the_last_position_recorded_by_it(store: Store, ledger: ToldLedger) -> None:
    asked = {"2026-01-02 12:04:59": 4, "2026-01-02 12:05:00": 5, "2026-01-02 12:00:59": 0, "2030-01-01 00:00:00": 33}
    found = {text: rows(AT_INSTANT, store, ledger, instant=text)[0]["newest"] for text in asked}
    assert found == asked | {"2030-01-01 00:00:00": len(told_trial())}
