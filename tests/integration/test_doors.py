"""The commands, as people and scripts run them: what they print, and how they end."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from protocols import shipped, shipped_names
from streams.ledger.sqlite import Ledger
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, dose, enrolled, lab, revised
from tests.forking import tocsin

PROTOCOLS = Path(__file__).parents[2] / "protocols"


def lines(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def ndjson(messages: Sequence[dict[str, Any]]) -> bytes:
    return b"\n".join(map(as_bytes, messages)) + b"\n"


STORY = (
    adopted(clock="simulated", time="2026-03-01T00:00:00Z"),
    enrolled(),
    dose(),
    lab(analyte="HGB", value="78", unit="g/L", lower="120", upper="160"),
    adverse_event(term="Sepsis", grade=4, verbatim="Mrs Miller collapsed"),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    told = tocsin("ingest", "-", "--home", str(tmp_path / "home"), given=ndjson(STORY))
    assert told.returncode == 0, told.stderr
    assert [line["outcome"] for line in lines(told.stdout)] == ["accepted"] * 5
    return tmp_path / "home"


def test_facts_go_in_and_findings_come_out(home: Path) -> None:
    told = tocsin("findings", "--home", str(home), "--trial", TRIAL, "--kind", "participant_rule")
    (finding,) = [one for one in lines(told.stdout) if one["rule"] == "intolerable_toxicity"]
    assert (finding["participant"], finding["since"], finding["state"]) == ("P-001", 5, "raised")


def test_a_replay_from_the_ledger_alone_equals_what_was_published(home: Path) -> None:
    ledger = Ledger.reading(home / "ledger.sqlite")
    published = b"".join(body + b"\n" for _, _, body in ledger.published(TRIAL))
    ledger.close()
    assert tocsin("replay", "--home", str(home), "--trial", TRIAL).stdout == published
    assert published


def test_a_replay_up_to_a_position_is_the_beginning_of_the_whole(home: Path) -> None:
    whole = tocsin("replay", "--home", str(home), "--trial", TRIAL).stdout
    part = tocsin("replay", "--home", str(home), "--trial", TRIAL, "--as-of", "4").stdout
    assert whole.startswith(part)
    assert max(line["since"] for line in lines(part)) == 4


def test_the_same_facts_again_change_nothing(home: Path) -> None:
    told = tocsin("ingest", "-", "--home", str(home), given=ndjson(STORY))
    assert [line["outcome"] for line in lines(told.stdout)] == ["duplicate"] * 5
    assert told.returncode == 0


def test_what_is_quarantined_says_where_and_ends_with_3(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "facts.ndjson"
    file.write_bytes(b'{"type":1}\n' + ndjson([revised(STORY[3], value="98"), STORY[1] | {"reason": "again"}]))
    told = tocsin("ingest", str(file), "--home", str(home))
    assert told.returncode == 3
    bad, good, conflict = lines(told.stdout)
    assert (bad["outcome"], bad["address"], bad["path"]) == ("quarantined", "facts.ndjson:1", "type")
    assert (good["outcome"], good["position"]) == ("accepted", 6)
    assert (conflict["outcome"], conflict["position"]) == ("conflict", 2)
    complaints = told.stderr.decode().splitlines()
    assert [complaint.split(": ")[:3] for complaint in complaints] == [
        ["facts.ndjson:1", "type", "quarantined"],
        ["facts.ndjson:3", "conflict", complaints[1].split(": ")[2]],
    ]


def test_the_history_of_a_record_says_who_what_and_why(home: Path) -> None:
    tocsin("ingest", "-", "--home", str(home), given=ndjson([revised(STORY[3], "wrong tube", value="98")]))
    told = lines(tocsin("history", "--home", str(home), "--trial", TRIAL, "--record", STORY[3]["record"]).stdout)
    facts = [line for line in told if line["what"] == "fact"]
    assert [fact["data"]["value"] for fact in facts] == ["78", "98"]
    assert facts[1]["reason"] == "wrong tube"
    grades = [line["grade"] for line in told if line["what"] == "change" and line.get("term") == "Anemia"]
    assert grades == [3, 2]


def test_the_history_of_a_dose_decision_says_which_fact_stopped_the_drug_and_which_took_it_back(home: Path) -> None:
    correction = revised(STORY[4], "typing error", grade=2)
    tocsin("ingest", "-", "--home", str(home), given=ndjson([correction]))
    key = "dose_decision|P-001|cetuximab"
    told = lines(tocsin("history", "--home", str(home), "--trial", TRIAL, "--finding", key).stdout)
    assert [(one["position"], one["what"], one.get("state")) for one in told] == [
        (5, "fact", None),
        (5, "change", "raised"),
        (6, "fact", None),
        (6, "change", "withdrawn"),
    ]
    assert {one["record"] for one in told if one["what"] == "fact"} == {STORY[4]["record"]}
    assert (told[2]["reason"], told[2]["data"]["grade"]) == ("typing error", 2)
    assert told[1]["action"] == "stopped"
    assert told[1]["causes"] == [f"edc|{STORY[4]['record']}"]


def test_another_version_of_ctcae_says_who_would_be_graded_otherwise(home: Path) -> None:
    count = lab(analyte="NEUT", value="0.4", unit="10^9/L", lower="1.8", upper="7.5")
    tocsin("ingest", "-", "--home", str(home), given=ndjson([count]))
    told = lines(tocsin("replay", "--home", str(home), "--trial", TRIAL, "--ctcae", "6.0", "--diff").stdout)
    (difference,) = [line for line in told if "Neutrophil count decreased" in line["key"]]
    assert (difference["in_force"]["grade"], difference["instead"]["grade"]) == (4, 3)
    assert difference["participant"] == "P-001"


@pytest.mark.parametrize(
    "words",
    [
        ("findings", "--home", "nowhere", "--trial", "X"),
        ("replay", "--home", "nowhere", "--trial", "X"),
        ("findings",),
        ("ingest", "nofile.ndjson", "--home", "nowhere"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    told = tocsin(*words)
    assert told.returncode == 2
    assert b"Traceback" not in told.stderr


def test_a_trial_or_cut_that_is_not_there_is_wrong_usage(home: Path) -> None:
    assert tocsin("findings", "--home", str(home), "--trial", "OTHER").returncode == 2
    assert tocsin("findings", "--home", str(home), "--trial", TRIAL, "--as-of", "99").returncode == 2
    for cut in ("soon", "²", "-1", "9" * 30):
        assert tocsin("findings", "--home", str(home), "--trial", TRIAL, "--as-of", cut).returncode == 2


def test_a_kind_or_a_name_that_nobody_knows_is_wrong_usage_and_not_silence(home: Path) -> None:
    told = tocsin("findings", "--home", str(home), "--trial", TRIAL, "--kind", "querry")
    assert told.returncode == 2
    assert b"query" in told.stderr
    for option in ("--record", "--participant", "--finding"):
        assert tocsin("history", "--home", str(home), "--trial", TRIAL, option, "nothing").returncode == 2


def test_a_home_that_cannot_be_made_is_a_world_that_is_down_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    told = tocsin("ingest", "-", "--home", str(tmp_path / "file"), given=ndjson(STORY))
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    told = tocsin("serve", "--home", str(tmp_path / "file"), "--port", "0")
    assert (told.returncode, told.stderr.decode()) == (1, f"{tmp_path / 'file'}: File exists\n")


def test_another_version_of_ctcae_is_put_in_however_the_protocol_writes_it(tmp_path: Path) -> None:
    text = shipped("ak117_hnscc")
    line = next(line for line in text.splitlines() if line.startswith("ctcae:"))
    block = text.replace(line, 'ctcae:\n  assumed: "5.0"\n  reason: The record names no version.')
    home = str(tmp_path / "home")
    count = lab(analyte="NEUT", value="0.4", unit="10^9/L", lower="1.8", upper="7.5")
    tocsin("ingest", "-", "--home", home, given=ndjson([adopted(block), enrolled(), count]))
    told = tocsin("replay", "--home", home, "--trial", TRIAL, "--ctcae", "6.0", "--diff")
    assert told.returncode == 0
    assert "Neutrophil count decreased" in told.stdout.decode()


@pytest.mark.parametrize("name", shipped_names())
def test_every_protocol_that_ships_is_read(name: str) -> None:
    told = tocsin("protocol", "check", str(PROTOCOLS / f"{name}.yaml"))
    assert told.returncode == 0, told.stderr
    (said,) = lines(told.stdout)
    assert said["assumed"]
    assert said["participant_rules"][0].keys() == {"id", "basis", "says"}


def test_terms_that_the_ctcae_does_not_have_are_listed_when_a_protocol_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(shipped("ak117_hnscc").replace("terms: [Myocarditis]", "terms: [Myocardits]"), encoding="utf-8")
    (said,) = lines(tocsin("protocol", "check", str(file)).stdout)
    assert "Myocardits" in said["terms_outside_ctcae"]
    assert "Keratitis" not in said["terms_outside_ctcae"]


def test_a_misspelt_parameter_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(shipped("ak117_hnscc").replace("alpha:", "alhpa:"), encoding="utf-8")
    told = tocsin("protocol", "check", str(file))
    assert told.returncode == 2
    assert b"cohort_rules.0.alhpa" in told.stderr
    assert b"(in excess_toxicity)" in told.stderr


def test_a_misspelt_operator_is_one_line_with_its_path_and_its_rule(tmp_path: Path) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(shipped("ak117_hnscc").replace("first_leads:", "first_lead:"), encoding="utf-8")
    told = tocsin("protocol", "check", str(file))
    assert told.returncode == 2
    (line,) = told.stderr.decode().splitlines()
    assert "when.together.parts.0.together.first_lead: " in line
    assert line.endswith("(in P25_hys_law_candidate)")


def test_the_grade_calculator_answers_line_by_line() -> None:
    requests = [
        {"id": "a", "ctcae": "5.0", "term": "Anemia", "value": "7.9", "unit": "g/dL", "lln": 12},
        {"id": "b", "ctcae": "5.0", "term": "Anemia", "value": "7.9", "unt": "g/dL"},
        {"id": "c", "ctcae": "6.0", "term": "Hyponatremia", "value": 127, "unit": "mmol/L"},
    ]
    told = tocsin("calc", "grade", given=b"\n".join(json.dumps(one).encode() for one in requests) + b"\n")
    assert told.returncode == 3
    first, second, third = lines(told.stdout)
    assert first == {"id": "a", "grade": 3, "low": 3, "high": 3, "missing": [], "why": None}
    assert second.keys() == {"id", "error"}
    assert (third["grade"], third["low"], third["high"], third["missing"]) == (None, 2, 3, ["symptoms"])
