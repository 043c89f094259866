"""What does the live page answer, and what does it refuse? Against a real home, over HTTP, without a browser."""

import html
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from clinical.protocol import read_protocol
from dashboards.live import door
from dashboards.live.app import create_app
from dashboards.live.assets import ChartBundle
from dashboards.live.guard import refused
from protocols import shipped
from streams.handover import MEDIA_TYPE, packed
from streams.intake import Message, Unusable
from streams.local import Home
from streams.sink import Sink
from streams.store.chdb_store import Store
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, enrolled, lab
from tests.dashboards.told_trial import told_trial
from tocsin.serving import ServedHome

ONE, MANY, LINES = ({"content-type": kind} for kind in (door.ONE, door.MANY, door.LINES))
HERE = f"/trials/{TRIAL}/"
TOLD = told_trial()[:-1]
"""Without its tick: the clock of this home is the system's."""


class Served:
    """A home that is served on a thread, and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home", "tests")
        self.store = Store(folder / "boards")
        self.sink = Sink(self.store)
        self.home.listen(self.sink.put)
        self.sink.start()
        app = create_app(ServedHome(self.home, self.sink.stored), self.store, self.sink, folder / "cache")
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._listening.getsockname()[1]}", timeout=30)

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()
        self.sink.close()
        self.store.close()
        self.home.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def client(served: Served) -> httpx.Client:
    """The told trial, stored."""
    answer = served.client.post("/facts", content=b"\n".join(map(as_bytes, TOLD)), headers=LINES)
    assert [outcome for outcome in lines(answer.text) if outcome["outcome"] != "accepted"] == []
    served.sink.close()
    return served.client


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_pipeline_page_says_how_far_each_step_has_come(client: httpx.Client) -> None:
    text = client.get(f"{HERE}pipeline").text
    assert re.findall(r'data-hop="(\w+)"', text) == ["monitor", "sink"]
    assert "is evaluated up to position" in text
    assert text.count("up to date") == 2
    assert 'tocsin_hop_waiting{who="sink"} 0.0' in client.get("/metrics").text


def test_a_fact_is_answered_by_its_position(client: httpx.Client) -> None:
    told = client.post("/facts", content=as_bytes(TOLD[0]), headers=ONE)
    assert told.status_code == 200
    assert told.json() == {"outcome": "duplicate", "address": told.json()["address"], "trial": TRIAL, "position": 1}


def test_one_message_that_is_no_fact_is_answered_422_with_what_is_wrong(client: httpx.Client) -> None:
    told = client.post("/facts", content=b'{"type": "tocsin.LabResulted.v1"', headers=ONE)
    assert told.status_code == 422
    assert told.json()["outcome"] == "quarantined"
    assert told.json()["message"].startswith("not JSON")


def test_one_conflict_is_answered_409(client: httpx.Client) -> None:
    other = adopted(time="2026-01-01T05:00:00Z")
    assert client.post("/facts", content=as_bytes(other), headers=ONE).status_code == 409


def test_an_array_is_answered_by_an_array_in_its_order(client: httpx.Client) -> None:
    body = b"[" + as_bytes(TOLD[1]) + b' , {"a": NaN}, ' + as_bytes(TOLD[2]) + b"]"
    told = client.post("/facts", content=body, headers=MANY)
    assert told.status_code == 200
    assert [outcome["outcome"] for outcome in told.json()] == ["duplicate", "quarantined", "duplicate"]
    assert [outcome["address"][-3:] for outcome in told.json()] == ["[0]", "[1]", "[2]"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b'[{"a":1},\n{"b":[2,"]"]}]', [b'{"a":1}', b'{"b":[2,"]"]}']),
        (b"[1,]", [b"[1,]"]),
        (b"[1", [b"[1"]),
        (b"[1] 2", [b"[1] 2"]),
        (b"{}", [b"{}"]),
        (b"", [b""]),
        (b"\xff", [b"\xff"]),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_an_array_is_cut_into_the_bytes_it_came_in_or_stays_whole(body: bytes, expected: list[bytes]) -> None:
    assert [raw for raw, _ in door.messages(door.MANY, body, "b")] == expected


def test_lines_keep_their_numbers_and_empty_ones_are_nothing() -> None:
    assert door.messages(door.LINES, b'{"a":1}\r\n\n{"b":2}', "b") == [(b'{"a":1}', "b:1"), (b'{"b":2}', "b:3")]


def test_a_command_beside_the_server_hands_over_with_its_own_addresses(client: httpx.Client) -> None:
    unusable = Unusable(b"row", "lb.xpt:7", TRIAL, "LBSTRESN", "no number")
    body = b"\n".join([packed(Message(as_bytes(TOLD[0]), "facts.ndjson:1")), packed(unusable)])
    told = client.post("/facts", content=body, headers={"content-type": MEDIA_TYPE})
    assert [(one["outcome"], one["address"]) for one in lines(told.text)] == [
        ("duplicate", "facts.ndjson:1"), ("quarantined", "lb.xpt:7"),
    ]  # fmt: skip
    assert client.post("/facts", content=b"{}", headers={"content-type": MEDIA_TYPE}).status_code == 400


def test_other_media_types_and_too_much_are_refused(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.post("/facts", content=b"{}", headers={"content-type": "application/json"}).status_code == 415
    monkeypatch.setattr(door, "LARGEST_BODY", 100)
    assert client.post("/facts", content=b"x" * 101, headers=LINES).status_code == 413


@pytest.mark.parametrize("page", ["", "toxicity", "participants", "participants/P-001", "pipeline"])
@pytest.mark.parametrize("asked", ["", "?as_of=5", "?as_of=0", "?as_of=30"])
def test_every_page_shows_its_cut_and_carries_it_in_its_links(client: httpx.Client, page: str, asked: str) -> None:
    answer = client.get(HERE + page + asked)
    if page == "participants/P-001" and asked == "?as_of=0":
        assert answer.status_code == 404
        return
    assert answer.status_code == 200
    position = asked.removeprefix("?as_of=") or str(len(TOLD))
    assert f'position <b class="num">{position}</b>' in answer.text
    for other in ("toxicity", "participants", "pipeline"):
        assert f'href="{HERE}{other}{asked}"' in answer.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("banana", "is neither a position, such as 1200, nor an instant"),
        ("99999", "is ahead of the ledger, which stands at position"),
        ("9" * 40, "is ahead of the ledger"),
        ("-1", "is neither a position"),
        ("2999-01-01T00:00Z", "Nothing can be said of 01 Jan 2999"),
        ("2026-13-01", "is neither a position"),
        ("0001-01-01T00:00+14:00", "is neither a position"),
        ("<script>", "is neither a position"),
        ("１２", "is neither a position"),
    ],
)
def test_a_cut_that_cannot_be_shown_is_a_clear_message(client: httpx.Client, asked: str, said: str) -> None:
    answer = client.get(HERE, params={"as_of": asked})
    assert answer.status_code == 404
    assert said in answer.text
    assert "<script>" not in answer.text.partition("<h1>")[2]
    told = client.get(HERE + "findings", params={"as_of": asked})
    assert told.status_code == 404
    assert said.split("&")[0] in told.json()["detail"]


def test_an_instant_is_read_with_or_without_its_zone(client: httpx.Client, served: Served) -> None:
    recorded = next(served.home.ledger.facts(TRIAL, 4, 5))[1].recordedtime
    assert recorded is not None
    at = f"{recorded:%Y-%m-%dT%H:%M:%S.%f}"
    for text in (at, at + "Z", at + "+00:00"):
        answer = client.get(HERE, params={"as_of": text})
        assert answer.status_code == 200, answer.text
    unescaped = client.get(f"{HERE}?as_of={at}+00:00")
    assert unescaped.status_code == 200


def test_an_unknown_trial_and_an_unknown_participant_are_said_to_be(client: httpx.Client) -> None:
    assert "There is no trial NOBODY here." in client.get("/trials/NOBODY/").text
    assert client.get("/trials/NOBODY/findings").status_code == 404
    assert client.get(HERE + "participants/P-999").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("findings?kind=querry", 422),
        ("findings?kind=query", 200),
        ("history?record=nothing", 404),
        ("history?participant=P-001", 200),
        ("history?participant=P-001&record=x", 422),
    ],
)
def test_what_nobody_knows_is_said_to_be_unknown_and_not_answered_with_silence(
    client: httpx.Client, asked: str, status: int
) -> None:
    told = client.get(HERE + asked)
    assert told.status_code == status
    assert told.content


def test_one_trial_is_where_the_first_page_leads(client: httpx.Client) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == HERE


def test_the_overview_answers_its_question_first(client: httpx.Client) -> None:
    text = client.get(HERE).text
    assert "By the stopping rule, yes: AK117 + AK104 reached its bound on " in text
    order = ("Is any group being harmed?", "Bound reached", "If the true rate", "What changed last", "What is missing")
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert (
        "If the true rate were 30 % this rule would stop <b>9.9 %</b> of such trials; at 50 %, <b>73.6 %</b>." in text
    )
    assert "1 reported event without a grade</a>: no rule counts it." in text


def test_every_assumption_of_the_protocol_is_shown_with_its_reason(client: httpx.Client) -> None:
    text = html.unescape(client.get(HERE).text)
    for path, reason in read_protocol(shipped("ak117_hnscc")).assumed.items():
        assert f'<code class="detail">{path}</code>' in text
        assert reason in text


def test_a_reader_who_has_looked_sees_what_came_since(served: Served, client: httpx.Client) -> None:
    browser = httpx.Client(base_url=client.base_url, timeout=30)
    marked = browser.post(HERE + "seen?position=20")
    assert marked.status_code == 303
    assert marked.headers["location"] == HERE
    text = browser.get(HERE).text
    assert "Since you last looked" in text
    assert f"{len(TOLD) - 20} facts, from" in text
    assert '<span class="moved harm" title="since you last looked">+1</span>' in text
    assert "Since you last looked" not in browser.get(HERE + "?as_of=19").text, "that cut was before the look"
    assert "Since you last looked" not in client.get(HERE).text, "another browser has not looked"
    assert browser.post(HERE + "seen?position=3", headers={"origin": "http://evil.example"}).status_code == 403
    for nonsense in ("banana", "-1", "9" * 30, "１"):
        odd = httpx.get(f"{client.base_url}{HERE}", headers=[(b"cookie", f"seen={nonsense}".encode())])
        assert odd.status_code == 200
    browser.close()


@pytest.mark.parametrize("asked", ["", "?as_of=26"])
@pytest.mark.parametrize("page", ["", "toxicity"])
def test_every_number_that_is_a_link_opens_to_as_many_as_it_says(client: httpx.Client, page: str, asked: str) -> None:
    text = client.get(HERE + page + asked).text
    links = set(re.findall(r'<td[^>]*><a href="([^"]*/behind[^"]*)"[^>]*>(\d+)</a>', text))
    assert len(links) > 10
    for link, number in links:
        address, _, pile = html.unescape(link).partition("#")
        opened = client.get(address)
        assert opened.status_code == 200
        assert f'position <b class="num">{asked.removeprefix("?as_of=") or len(TOLD)}</b>' in opened.text
        counted = re.findall(r'<section data-part="pile-(\w+)".*?<b>(\d+)</b>', opened.text, flags=re.DOTALL)
        if page == "" or pile:
            assert (pile or counted[0][0], number) in counted, address
        else:
            of_grades = [int(of) for name, of in counted if name != "of"]
            assert sum(of_grades) >= int(number)


def test_behind_a_number_stand_the_facts_that_it_rests_on(client: httpx.Client) -> None:
    deaths = client.get(HERE + "behind?of=people&name=deaths").text
    assert "Died on 25 Jan 2026, cause: progression" in deaths
    assert "edc · dd/P-002" in deaths
    rule = client.get(HERE + "behind?of=rule&name=excess_toxicity&scope=2").text
    assert rule.count("had the event and counts as event") == 3
    assert "Hepatic failure, grade 4, onset 13 Jan 2026" in rule
    term = client.get(HERE + "behind?of=toxicity&name=Fatigue&scope=2").text
    assert "without a CTCAE grade" in term
    assert client.get(HERE + "behind?of=people&name=banana").status_code == 404
    assert client.get(HERE + "behind?of=banana&name=deaths").status_code == 404


def test_nothing_that_may_name_a_person_is_on_any_page(client: httpx.Client) -> None:
    for page in ("", "toxicity", "participants", "participants/P-001", "pipeline"):
        assert "Miller" not in client.get(HERE + page).text


def test_findings_are_what_the_ledger_gives_and_the_store_shows(client: httpx.Client, served: Served) -> None:
    told = client.get(HERE + "findings", params={"kind": "cohort_rule"})
    assert told.headers["content-type"].startswith("application/x-ndjson")
    stored = served.store.query(
        "SELECT body FROM (SELECT * FROM findings WHERE trial = {t:String} AND kind = 'cohort_rule' "
        "ORDER BY key, valid_from DESC LIMIT 1 BY key) WHERE state != 'withdrawn' ORDER BY key",
        {"t": TRIAL},
    )
    assert told.text.splitlines() == [row["body"] for row in stored]
    before = client.get(HERE + "findings", params={"as_of": "1"})
    assert {one["since"] for one in lines(before.text)} == {1}


def test_history_tells_every_revision_of_a_record(client: httpx.Client) -> None:
    record = next(message["record"] for message in TOLD if message["record"].startswith("ae/P-001"))
    told = lines(client.get(HERE + "history", params={"record": record}).text)
    assert [one["revision"] for one in told if one["what"] == "fact"] == [1, 2]


@pytest.mark.parametrize(
    ("method", "host", "origin", "site", "is_refused"),
    [
        ("GET", "localhost:8000", None, None, False),
        ("GET", "127.0.0.1", None, None, False),
        ("GET", "[::1]:8000", None, None, False),
        ("GET", "evil.example", None, None, True),
        ("GET", "localhost.evil.example:8000", None, None, True),
        ("GET", "", None, None, True),
        ("GET", "[", None, None, True),
        ("POST", "localhost:8000", "http://localhost:8000", "same-origin", False),
        ("POST", "localhost:8000", None, None, False),
        ("POST", "localhost:8000", "http://localhost:9000", None, True),
        ("POST", "localhost:8000", "http://evil.example", None, True),
        ("POST", "localhost:8000", "null", None, True),
        ("POST", "localhost:8000", None, "cross-site", True),
    ],
)  # fmt: skip
def test_only_this_machine_may_ask_and_only_this_page_may_send(
    method: str,
    host: str,
    origin: str | None,
    site: str | None,
    is_refused: bool,  # noqa: FBT001
) -> None:
    assert (refused(method, host, origin, site) is not None) == is_refused


def test_a_rebound_name_gets_no_page(client: httpx.Client) -> None:
    answer = client.get(HERE, headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert TRIAL not in answer.text


def test_every_answer_carries_the_policy(client: httpx.Client) -> None:
    for address in (HERE, "/static/live.js", "/nowhere", "/docs", "/healthz"):
        headers = client.get(address).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]


def test_the_doors_are_described_without_a_network(client: httpx.Client) -> None:
    text = client.get("/docs").text
    assert "POST /facts" in text
    assert "//" not in text.replace("://www.w3.org", "")
    described = client.get("/openapi.json").json()["paths"]
    assert {"/facts", "/live", "/metrics", "/healthz", "/readyz", "/trials/{trial}/findings"} <= described.keys()


def test_measures_name_no_participant(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert f'tocsin_stored_position{{trial="{TRIAL}"}} {len(TOLD)}.0' in text
    assert 'tocsin_sink_lag_facts{trial="' in text
    assert 'tocsin_facts_total{family="adverse_events"}' in text
    assert 'tocsin_request_seconds_count{page="overview"}' in text
    assert "P-00" not in text


def test_health_and_readiness(client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(served.sink, "failure", "no space left on device")
    assert client.get("/readyz").status_code == 503
    assert "New facts are not shown" in client.get(HERE).text


def test_the_chart_bundle_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    bundle = ChartBundle(tmp_path)
    assert b"vegaEmbed" in bundle.read()
    (kept,) = tmp_path.glob("*.js")
    kept.write_bytes(b"kept")
    assert ChartBundle(tmp_path).read() == b"kept"
    kept.unlink()
    bundle.close()
    with pytest.raises(RuntimeError, match="could not be made"):
        bundle.read()


def test_only_what_belongs_to_a_page_is_served(client: httpx.Client) -> None:
    script = client.get("/static/charts.js")
    assert script.status_code == 200
    assert "vegaEmbed" in script.text
    assert "immutable" in script.headers["cache-control"]
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/nothing.js").status_code == 404


def test_text_from_outside_stands_on_a_page_as_text(client: httpx.Client, served: Served) -> None:
    odd = enrolled("P-100", site="01") | {"source": "edc"}
    event = adverse_event("P-100", "Rash (arm's, 5%)", 3)
    told = client.post(
        "/facts", content=b"\n".join(map(as_bytes, [odd, event, lab("P-100", unit="<b>U</b>")])), headers=LINES
    )
    assert [one["outcome"] for one in lines(told.text)] == ["accepted"] * 3
    with_more = Sink(served.store)
    with_more.catch_up(served.home.ledger)
    row = served.store.query("SELECT max(position) AS p FROM facts WHERE trial = {t:String}", {"t": TRIAL})
    assert row == [{"p": len(TOLD) + 3}]


def test_a_participants_page_says_how_each_drug_stands_and_the_list_how_many_and_why(client: httpx.Client) -> None:
    drugs = client.get(HERE + "participants/P-004").text.partition('data-part="drugs"')[2].partition("</section>")[0]
    assert drugs.count("stopped for good") == 2
    assert "event of grade 4" in drugs
    assert "treatment ended" in drugs
    planned = client.get(HERE + "participants/P-001").text.partition('data-part="drugs"')[2].partition("</section>")[0]
    assert planned.count("as planned") == 2
    table = client.get(HERE + "participants").text.partition('data-part="dose-states"')[2].partition("</section>")[0]
    assert table.count("P-004") == table.count("P-005") > 0
    assert 'data-part="dose-states"' not in client.get(HERE + "participants?as_of=13").text


def test_a_participants_page_says_how_each_toxicity_ran(client: httpx.Client) -> None:
    page = client.get(HERE + "participants/P-001").text
    (table,) = re.findall(r'<table class="courses">(.*?)</table>', page, re.DOTALL)
    rows = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in table.split("<tr>")[2:]]
    assert [row.partition(" ")[0] for row in rows] == ["Anemia", "Rash"]
    assert rows[0].startswith("Anemia laboratory 2 2 9 Jan 2026 9 Jan 2026 to now")
    assert "Rash reported 2 2 10 Jan 2026 10 Jan 2026 to now yes: it began on 2026-01-10" in rows[1]
    earlier = client.get(HERE + "participants/P-001?as_of=13").text
    assert 'class="courses"' not in earlier
