"""Does a home on Kafka show what stands in the ledger, as it comes, from a server's store or from a copy of its own?"""

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from dashboards.live import door
from schemas.topics import RAW
from streams.kafka.connection import Connection
from streams.kafka.raw import FAMILY_OF
from streams.kafka.records import partition_of
from streams.kafka.writer import Writer
from tests.builders import TRIAL, adopted, adverse_event, as_bytes, dose, enrolled, lab
from tests.clickhouse.servers import Bridge
from tests.dashboards.browser import CHROMIUM, needed
from tests.forking import Forked, tocsin
from tests.kafka.fixtures import PARTITIONS
from tests.kafka.test_monitor_agent import all_evaluated
from tests.kafka.trials import Told, spread, told
from tests.kafka.waiting import eventually
from tests.kafka.working import Working, standing

PATIENCE = 60_000
ONE, LINES = ({"content-type": kind} for kind in (door.ONE, door.LINES))


@dataclass
class Site:
    """A home on Kafka, served by `tocsin serve` in a process of its own."""

    client: httpx.Client

    def shows(self, trial: str) -> int:
        """The position that the page of a trial shows; 0 where there is none."""
        answer = self.client.get(f"/trials/{trial}/participants")
        found = re.search(r'data-position="(\d+)"', answer.text)
        return int(found[1]) if answer.status_code == 200 and found else 0

    def events(self) -> Iterator[Mapping[str, str]]:
        """What a browser hears: the stored position of each trial."""
        with self.client.stream("GET", "/live") as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def served(kafka: Connection, folder: Path, environment: Mapping[str, str]) -> Iterator[Site]:
    words = ["serve", "--home", str(kafka), "--port", "0", "--state", str(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    said, complained = (folder / name for name in ("said", "complained"))
    said.unlink(missing_ok=True)  # of a server before
    process = Forked("tocsin", words, (Path(os.devnull), said, complained), os.environ | dict(environment))

    def url() -> str | None:
        assert process.poll() is None, complained.read_text()
        found = re.search(r"http://[0-9.]+:[0-9]+", said.read_text() if said.exists() else "")
        return found[0] if found else None

    try:
        with httpx.Client(base_url=eventually(url, bool) or "", timeout=60) as client:
            yield Site(client)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "SIGTERM ends the server in order"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with Bridge(tmp_path_factory.mktemp("bridge")) as started:
        yield started


@pytest.fixture(params=["a copy of its own", "a server's store"])
def site(request: pytest.FixtureRequest, kafka: Connection, tmp_path: Path) -> Iterator[Site]:
    """The monitor works, and the sink where there is a server for it."""
    environment = {}
    with ExitStack() as opened:
        if request.param == "a server's store":
            bridge: Bridge = request.getfixturevalue("bridge")
            (tmp_path / "password").write_text(bridge.server.password)
            environment = {
                "TOCSIN_CLICKHOUSE": f"{bridge.server.host}:{bridge.server.port}",
                "TOCSIN_CLICKHOUSE_USER": bridge.server.user,
                "TOCSIN_CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "password"),
                "TOCSIN_CLICKHOUSE_DATABASE": kafka.namespace.replace("-", "_"),
            }
            opened.enter_context(Working("sink", kafka, tmp_path, environment=environment))
        opened.enter_context(Working("monitor", kafka, tmp_path))
        yield opened.enter_context(served(kafka, tmp_path / "state", environment))


def hops(site: Site, trial: str) -> dict[str, str]:
    """What the pipeline page says of each step."""
    text = site.client.get(f"/trials/{trial}/pipeline").text
    rows = re.findall(r'data-hop="([^"]+)">.*?<td>((?:(?!<td).)*)</td></tr>', text)
    return {who: re.sub(r"<[^>]+>", "", state) for who, state in rows} or {"monitor": "not asked yet"}


def write(kafka: Connection, trial: Told, start: int, stop: int | None = None) -> None:
    with Writer(kafka) as writer:
        partition = partition_of(trial.trial, PARTITIONS)
        writer.send([one.outgoing(partition) for one in trial.records[start:stop]])


def test_pages_and_doors_show_what_stands_in_the_ledger_as_it_comes(kafka: Connection, site: Site) -> None:
    trial, other = (told(name, 200) for name in spread(2, PARTITIONS))
    write(kafka, trial, 0, 120)
    write(kafka, other, 0, 50)
    assert eventually(lambda: site.shows(trial.trial), lambda shown: shown == 120) == 120
    assert eventually(lambda: site.shows(other.trial), lambda shown: shown == 50) == 50
    heard = site.events()
    assert next(heard) == {trial.trial: "120", other.trial: "50"}
    write(kafka, trial, 120)
    while (positions := next(heard))[trial.trial] != "200":
        assert positions[other.trial] == "50"
    assert site.shows(trial.trial) == 200
    assert site.shows(other.trial) == 50
    all_evaluated(kafka)
    told_here = site.client.get(f"/trials/{trial.trial}/findings").content
    assert told_here == tocsin("findings", "--home", str(kafka), "--trial", trial.trial).stdout
    then = site.client.get(f"/trials/{trial.trial}/findings", params={"as_of": "60"}).content
    assert then == tocsin("findings", "--home", str(kafka), "--trial", trial.trial, "--as-of", "60").stdout != told_here
    story = site.client.get(f"/trials/{trial.trial}/history").content
    assert story == tocsin("history", "--home", str(kafka), "--trial", trial.trial).stdout
    assert story.count(b'"what":"fact"') == 200
    assert site.client.get("/readyz").status_code == 200
    steps = eventually(lambda: hops(site, trial.trial), lambda found: found["monitor"] == "up to date")
    assert steps["intake"] == "has never worked"
    assert len(steps) == 4
    assert "The ledger of this trial stands at position 200, is evaluated up to position 200" in site.client.get(
        f"/trials/{trial.trial}/pipeline"
    ).text.replace("<b>", "")
    assert "tocsin_stored_position" in site.client.get("/metrics").text


def test_a_fact_over_http_is_sent_to_its_topic_and_answered_by_its_place(kafka: Connection, tmp_path: Path) -> None:
    with served(kafka, tmp_path, {}) as site:
        answer = site.client.post("/facts", content=as_bytes(adopted()), headers=ONE)
        assert (answer.status_code, answer.json()["outcome"]) == (202, "sent")
        many = site.client.post("/facts", content=b"\n".join([as_bytes(lab()), b"no JSON"]), headers=LINES)
        outcomes = [json.loads(line) for line in many.text.splitlines()]
        assert many.status_code == 202
    topic = next(topic for topic in RAW if topic.name.endswith(FAMILY_OF["LabResulted"]))
    (record,) = standing(kafka, topic)[partition_of(TRIAL, PARTITIONS)]
    assert record.value == as_bytes(lab())
    assert [(one["outcome"], one["topic"]) for one in outcomes] == [
        ("sent", kafka.topic(topic)),
        ("sent", kafka.topic(RAW[0])),
    ]
    assert outcomes[0]["offset"] == record.offset


@needed
def test_a_fact_that_is_posted_appears_on_an_open_page(kafka: Connection, site: Site, tmp_path: Path) -> None:
    """From the door through raw topic, intake, ledger, monitor and store to a browser that only waits."""
    assert CHROMIUM, "TOCSIN_REQUIRE asks for chromium"
    told = [adopted(), enrolled(), dose(), lab(value="35")]
    with Working("intake", kafka, tmp_path), sync_playwright() as playwright:
        for message in told:
            assert site.client.post("/facts", content=as_bytes(message), headers=ONE).status_code == 202
        eventually(lambda: site.shows(TRIAL), lambda shown: shown >= len(told))
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        page.goto(f"{site.client.base_url}/trials/{TRIAL}/participants/P-001")
        expect(page.get_by_text("Hepatic failure")).to_have_count(0)
        event = adverse_event(term="Hepatic failure", grade=4)
        assert site.client.post("/facts", content=as_bytes(event), headers=ONE).status_code == 202
        expect(page.get_by_text("Hepatic failure").first).to_be_visible(timeout=PATIENCE)
        refused = site.client.post("/facts", content=as_bytes(lab(value="much")), headers=ONE)
        eventually(
            lambda: site.client.get(f"/trials/{TRIAL}/pipeline").text,
            lambda text: f"{refused.json()['topic']}[{refused.json()['partition']}]" in text,
        )
        browser.close()


def test_a_copy_of_its_own_goes_on_where_it_was_and_one_of_another_ledger_is_made_anew(
    kafka: Connection, tmp_path: Path
) -> None:
    (name,) = spread(1, PARTITIONS)
    trial = told(name, 200)
    write(kafka, trial, 0, 80)
    with Working("monitor", kafka, tmp_path):
        with served(kafka, tmp_path / "state", {}) as site:
            eventually(lambda: site.shows(name), lambda shown: shown == 80)
        write(kafka, trial, 80)
        with served(kafka, tmp_path / "state", {}) as site:
            assert site.shows(name) >= 80
            eventually(lambda: site.shows(name), lambda shown: shown == 200)


def test_a_home_without_topics_or_with_a_store_that_is_away_is_told_in_one_line(
    bare_kafka: Connection, kafka: Connection, tmp_path: Path
) -> None:
    state = ["--state", str(tmp_path), "--port", "0"]
    other = f"{bare_kafka}-other"
    ended = tocsin("serve", "--home", other, *state)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
    assert b"tocsin topics create" in ended.stderr
    ended = tocsin("serve", "--home", str(kafka), *state, "--clickhouse", "127.0.0.1:1")
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)
    assert b"ClickHouse at 127.0.0.1:1, database tocsin does not answer" in ended.stderr
    ended = tocsin("serve", "--home", str(kafka), *state, "--clickhouse", "nowhere")
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
