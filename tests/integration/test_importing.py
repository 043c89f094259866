"""A trial that was kept elsewhere comes in by the command: into a folder, beside a server, as if it were live."""

import os
import re
from pathlib import Path
from typing import Any

import pyreadstat
import pytest

from streams.ledger.sqlite import Ledger
from tests.forking import tocsin
from tests.integration.test_doors import PROTOCOLS, lines
from tests.integration.test_served_home import served
from tests.streams.importers.transport import ONE, TRIAL, TWO, protocol, small, write

SUMMARY = (
    "laboratory rows: 10 = 3 with an exact grade + 2 with bounds + 3 not gradable + 2 quarantined",
    "quarantined: 1 × LB LBDTC: no usable date",
    "quarantined: 1 × AE revision: the same source, record and revision stand in the ledger with other content",
    "not gradable: 2 × no term of CTCAE 5.0 is read from it: COLOR 1, BUN 1",
    "every row accounted for.",
)

BY_TIME = ("cohort_rule", "evaluability")
"""What time resolves: the simulated clock stands where the history ends, the system's has gone on."""


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    """The command that imports the small trial, all but the home."""
    folder = write(tmp_path / "sdtm", small())
    (tmp_path / "small.yaml").write_text(protocol(), encoding="utf-8")
    return ("import", "sdtm", str(folder), "--trial", TRIAL, "--protocol", str(tmp_path / "small.yaml"))


def findings(home: Path, *words: str) -> dict[str, dict[str, Any]]:
    """What stands, by key, but for the position since when."""
    told = tocsin("findings", "--home", str(home), "--trial", TRIAL, *words)
    assert told.returncode == 0, told.stderr
    return {one["key"]: {**one, "since": 0, "id": "", "state": ""} for one in lines(told.stdout)}


def test_the_closing_summary_accounts_for_every_row_and_every_grade(words: tuple[str, ...], tmp_path: Path) -> None:
    told = tocsin(*words, "--home", str(tmp_path / "home"))
    assert told.returncode == 3  # some rows are in quarantine
    said = told.stderr.decode()
    assert not [line for line in SUMMARY if line not in said]
    table = {
        cells[0]: [int(cell) for cell in cells[1:5]]
        for line in said.splitlines()
        if len(cells := re.findall(r"[\w,]+", line)) == 6 and cells[0].lower() in small()
    }
    assert {domain.lower(): numbers[0] for domain, numbers in table.items()} == {
        domain: len(rows) for domain, rows in small().items()
    }
    assert all(read == facts + merged + refused for read, facts, merged, refused in table.values())
    assert table["AE"] == [8, 4, 1, 3]


def test_the_same_folder_again_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    tocsin(*words, "--home", str(tmp_path / "home"))
    before = findings(tmp_path / "home")
    told = tocsin(*words, "--home", str(tmp_path / "home"))
    assert findings(tmp_path / "home") == before
    assert all(line in told.stderr.decode() for line in SUMMARY)


def test_as_if_live_stands_where_a_plain_import_stands_and_says_so(words: tuple[str, ...], tmp_path: Path) -> None:
    tocsin(*words, "--home", str(tmp_path / "plain"))
    told = tocsin(*words, "--home", str(tmp_path / "live"), "--as-if-live")
    assert all(line in told.stderr.decode() for line in SUMMARY)
    assert "as if live: 2,921 ticks of a simulated clock; 4 facts were told when they began" in told.stderr.decode()
    live, plain = (
        {key: one for key, one in findings(tmp_path / home).items() if one["kind"] not in BY_TIME}
        for home in ("live", "plain")
    )
    assert live == plain


def test_a_past_instant_of_the_trial_is_a_cut_of_what_was_known_then(words: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    tocsin(*words, "--home", str(home), "--as-if-live", "--speed", "100000000")
    key = f"grade|sdtm:ae|{TWO}/AE/1|reported"
    before, after = (findings(home, "--as-of", f"2014-05-{day}T12:00Z") for day in ("19", "20"))
    assert (before[key]["low"], after[key]["low"]) == (None, 5)
    assert f"grade|sdtm:ae|{ONE}/AE/1|reported" not in findings(home, "--as-of", "2014-03-11T23:00Z")


def test_as_if_live_beside_a_server_the_server_takes_it(words: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home):
        told = tocsin(*words, "--home", str(home), "--as-if-live")
        assert all(line in told.stderr.decode() for line in SUMMARY)
        served_findings = findings(home)
    tocsin(*words, "--home", str(tmp_path / "alone"), "--as-if-live")
    assert served_findings == findings(tmp_path / "alone")


def test_a_pace_without_a_simulated_clock_is_wrong_usage(words: tuple[str, ...], tmp_path: Path) -> None:
    told = tocsin(*words, "--home", str(tmp_path / "home"), "--speed", "7")
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "home").exists()


def test_the_protocol_of_another_trial_or_no_protocol_is_wrong_usage_and_names_the_file(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    other = [word if word != TRIAL else "SMALL-2" for word in words]
    no_protocol = [word if not word.endswith(".yaml") else __file__ for word in words]
    for wrong, says in ((other, f"small.yaml: trial: it is the protocol of {TRIAL}"), (no_protocol, __file__)):
        told = tocsin(*wrong, "--home", str(tmp_path / "home"))
        assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
        assert says in told.stderr.decode()


def test_another_clock_than_the_ledgers_is_refused_before_anything_is_sent(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    tocsin(*words, "--home", str(home))
    told = tocsin(*words, "--home", str(home), "--as-if-live")
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
    assert b"system" in told.stderr


# -- the real trial

real = pytest.mark.skipif(
    "TOCSIN_SDTM" not in os.environ, reason="TOCSIN_SDTM does not name a folder with the real trial"
)
PILOT = "CDISCPILOT01"
NO_TERM = """
BUN PROT MCH RBC CL BASO MONO HCT MCHC MCV COLOR KETONES PH SPGRAV UROBIL VITB12 ANISO MACROCY POLYCHR BASOLE EOSLE
LYMLE MONOLE HBA1C POIKILO MICROCY
"""
"""What the pilot's laboratories reported and no term of CTCAE 5.0 reads (reference: the tables of its terms)."""


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home of the real trial, imported once, and what the import said."""
    home = tmp_path_factory.mktemp("pilot")
    options = ("--home", str(home), "--trial", PILOT, "--protocol", str(PROTOCOLS / "cdiscpilot01.yaml"))
    told = tocsin("import", "sdtm", os.environ["TOCSIN_SDTM"], *options)
    assert told.returncode == 3  # measurements that were not done are no facts
    return home, told.stderr.decode()


@real
def test_the_real_trial_is_read_with_every_row_accounted_for(pilot: tuple[Path, str]) -> None:
    home, said = pilot
    assert "94,039 rows, 91,937 facts" in said
    assert "every row accounted for" in said
    ledger = Ledger.reading(home / "ledger.sqlite")
    published = b"".join(body + b"\n" for _, _, body in ledger.published(PILOT))
    ledger.close()
    assert tocsin("replay", "--home", str(home), "--trial", PILOT).stdout == published
    stand = lines(tocsin("findings", "--home", str(home), "--trial", PILOT).stdout)
    severe = [f for f in stand if f["kind"] == "grade" and f["basis"] == "reported" and f["low"] == 3]
    assert len(severe) == 43
    assert all(f["grade"] is None and f["high"] == 4 for f in severe)
    assert sum(f.get("question") == "criterion_without_serious" for f in stand) == 33


@real
def test_every_laboratory_row_of_the_real_trial_has_a_grade_or_bounds_or_a_reason(pilot: tuple[Path, str]) -> None:
    """Counted from the file itself: by the analyte, and where a value lies between the limits that leave it open."""
    _, said = pilot
    columns, _ = pyreadstat.read_xport(os.environ["TOCSIN_SDTM"] + "/lb.xpt", output_format="dict")
    names = ("LBTESTCD", "LBORRES", "LBORNRLO", "LBORNRHI")
    rows = list(zip(*(columns[name] for name in names), strict=True))
    none = sum(code in NO_TERM.split() for code, *_ in rows)
    urate = sum(code == "URATE" and float(value) > float(high) for code, value, _, high in rows)
    potassium = sum(code == "K" and 3.0 <= float(value) < float(low) for code, value, low, _ in rows)
    sodium = sum(code == "SODIUM" and 125 <= float(value) < 130 for code, value, *_ in rows)
    glucose = sum(code == "GLUC" and value.startswith("<") for code, value, *_ in rows)
    assert f"bounds: {urate:,} × grade 1 to 3: not decided without physiologic_consequences: Hyperuricemia" in said
    assert f"bounds: {potassium:,} × grade 1 to 2: not decided without symptoms: Hypokalemia" in said
    assert f"bounds: {sodium:,} × grade 2 to 3: not decided without symptoms: Hyponatremia" in said
    assert f"bounds: {glucose:,} × the value is censored: grade 3 to 4: Hypoglycemia" in said
    baseline = re.search(r"bounds: (\d+) × grade 0 to 1: not decided without baseline", said)
    assert baseline is not None
    bounds = urate + potassium + sodium + glucose + int(baseline[1])
    assert f"not gradable: {none:,} × no term of CTCAE 5.0 is read from it: " in said
    assert (
        f"laboratory rows: {len(rows):,} = {len(rows) - none - bounds:,} with an exact grade + {bounds:,} with bounds "
        f"+ {none:,} not gradable + 0 quarantined"
    ) in said
