"""What does a reader see? The served home in a real browser: pages, the cut, a new fact, nothing from outside."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards.live import door
from tests.builders import TRIAL, adverse_event, as_bytes
from tests.dashboards.browser import CHROMIUM, needed
from tests.dashboards.told_trial import told_trial

pytestmark = needed

PAGES = (
    "",
    "toxicity",
    "participants",
    "participants/P-001",
    "pipeline",
    "behind?of=people&name=deaths",
    "behind?of=toxicity&name=Hepatic+failure&scope=2",
)
PATIENCE = 20_000
TOLD = told_trial()[:-1]


class Site:
    """A home served by `tocsin serve`, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = "from tocsin.command_line import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", command, "serve", "--home", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = re.search(r"http://[0-9.]+:[0-9]+", self._process.stdout.readline())
        assert told, "the server says where it is"
        self.url = told[0]

    def send(self, body: bytes, kind: str = door.LINES) -> httpx.Response:
        return httpx.post(f"{self.url}/facts", content=body, headers={"content-type": kind}, timeout=30)

    def at(self, page: str) -> str:
        return f"{self.url}/trials/{TRIAL}/{page}"

    def recorded(self, position: int) -> str:
        """The instant at which a fact was recorded, as it is written in an address."""
        lines = httpx.get(f"{self.url}/trials/{TRIAL}/history", timeout=30).text.splitlines()
        told = [one for one in map(json.loads, lines) if one["what"] == "fact"]
        return next(str(one["recordedtime"]) for one in told if one["position"] == position)

    def hear_the_hour(self) -> None:
        """Until the home's own clock has ticked once, so that nothing more is due while pages are looked at."""
        until = time.monotonic() + 120
        while "ClockTicked" not in httpx.get(f"{self.url}/trials/{TRIAL}/history", timeout=30).text:
            assert time.monotonic() < until, "the clock ticks"
            time.sleep(0.5)

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        with self._process:
            return self._process.wait(timeout=20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    served = Site(tmp_path_factory.mktemp("site") / "home")
    outcomes = served.send(b"\n".join(map(as_bytes, TOLD))).text
    assert outcomes.count('"accepted"') == len(TOLD)
    served.hear_the_hour()
    yield served
    assert served.end() == 0, "Ctrl-C ends the server in order"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "TOCSIN_REQUIRE asks for chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


class Watched:
    """A page, and everything that went wrong on it or left the host."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.wrong: list[str] = []
        host = urlsplit(site.url).netloc
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: self.wrong.append(asked.url) if urlsplit(asked.url).netloc not in (host, "") else None,
        )

    def open(self, address: str) -> Page:
        self.page.goto(address)
        expect(self.page.locator("body[data-ready=yes]")).to_be_attached(timeout=PATIENCE)
        return self.page


@pytest.fixture
def watched(browser: Browser, site: Site) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    seen = Watched(context.new_page(), site)
    yield seen
    context.close()
    assert seen.wrong == []


def wait_for(page: Page, place: str, least: int) -> None:
    """Until the number there is at least this: the served home's own clock may tick in between."""
    page.wait_for_function(
        "([place, least]) => parseInt(document.querySelector(place).textContent.replaceAll(',', '')) >= least",
        arg=[place, least],
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_an_error_and_without_leaving_the_host(
    watched: Watched, site: Site, name: str
) -> None:
    page = watched.open(site.at(name))
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".cut")).to_contain_text("Cut: now")


def test_the_charts_are_drawn(watched: Watched, site: Site) -> None:
    page = watched.open(site.at(""))
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".chart .drawing svg")).to_have_count(2)
    assert page.locator(".chart svg path").count() > 4


def test_a_reader_moves_the_cut_and_every_page_keeps_it(watched: Watched, site: Site) -> None:
    page = watched.open(site.at(""))
    expect(page.locator(".card.official")).to_have_count(1)
    page.get_by_text("Change the cut").click()
    page.get_by_label("Show the trial as it was known at a position or an instant").fill("13")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".where")).to_contain_text("position 13")
    expect(page.locator(".card.official")).to_have_count(0)
    for title in ("Toxicity", "Participants", "Pipeline", "Overview"):
        page.get_by_role("navigation").get_by_role("link", name=title).click()
        expect(page.locator(".where")).to_contain_text("position 13")
    page.locator("[data-part=people]").get_by_role("link", name="6", exact=True).last.click()
    expect(page.locator("h1")).to_have_text("Enrolled")
    expect(page.locator(".where")).to_contain_text("position 13")
    page.locator(".evidence").get_by_role("link", name="position").first.click()
    expect(page.locator("h1")).to_have_text("Participant P-001")
    expect(page.locator(".where")).to_contain_text("position 13")
    page.get_by_role("link", name="Show now").click()
    expect(page.locator(".where")).to_contain_text("Cut: now")


@pytest.mark.parametrize("name", PAGES)
def test_an_instant_is_the_same_cut_on_every_page(watched: Watched, site: Site, name: str) -> None:
    recorded = site.recorded(len(TOLD))
    page = watched.open(site.at(name))
    page.get_by_text("Change the cut").click()
    page.get_by_label("Show the trial as it was known at a position or an instant").fill(recorded)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".where")).to_contain_text(f"Cut: {recorded} = position {len(TOLD)},")
    expect(page.locator(".foot")).to_contain_text(f"cut: position {len(TOLD)},")
    expect(page.locator("h1")).to_be_visible()
    for link in page.get_by_role("navigation").get_by_role("link").all():
        assert f"as_of={recorded}" in (link.get_attribute("href") or "")


def test_the_slider_moves_the_cut_from_the_keyboard(watched: Watched, site: Site) -> None:
    page = watched.open(site.at("participants?as_of=10"))
    page.get_by_text("Change the cut").click()
    page.locator("[data-scrub]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".where")).to_contain_text("position 11")


def test_a_cut_that_cannot_be_shown_says_so_and_leads_back(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    answer = page.goto(site.at("?as_of=banana"))
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("main")).to_contain_text("“banana” is neither a position")
    page.get_by_role("link", name="Show the trial as it is now").click()
    expect(page.locator(".where")).to_contain_text("Cut: now")
    page.close()


def test_a_fact_that_arrives_is_seen_without_reloading(watched: Watched, site: Site) -> None:
    page = watched.open(site.at(""))
    page.evaluate("window.stillTheSame = true")
    page.get_by_text("What the three verdicts mean").click()
    told = site.send(as_bytes(adverse_event("P-001", "Pneumonitis", 4, onset="2026-01-20")), door.ONE)
    wait_for(page, ".where b.num", told.json()["position"])
    expect(page.locator("#recent + .changes")).to_contain_text("Pneumonitis", timeout=PATIENCE)
    expect(page.locator(".card").first).to_contain_text("2 events known", timeout=PATIENCE)
    expect(page.locator("#verdicts")).to_have_attribute("open", "")
    expect(page.locator(".chart .drawing svg")).to_have_count(2)
    assert page.evaluate("window.stillTheSame") is True


def test_what_came_since_the_last_look_is_told_when_the_reader_comes_again(watched: Watched, site: Site) -> None:
    page = watched.open(site.at(""))
    expect(page.locator("#recent")).to_have_text("What changed last")
    page.get_by_role("button", name="I have seen this").click()
    expect(page.locator("#recent")).to_have_text("Since you last looked")
    site.send(as_bytes(adverse_event("P-003", "Myocarditis", 4, onset="2026-01-22")), door.ONE)
    said = "1 verdict moved, 1 participant meets a rule"
    expect(page.locator("#recent + .since")).to_contain_text(said, timeout=PATIENCE)
    changes = page.locator("[data-part=recent] .changes li")
    expect(changes).to_have_count(2)
    expect(changes.filter(has_text="P-003")).to_contain_text(
        "P19 grade 4 and intolerable toxicity: Myocarditis, grade 4"
    )


def test_a_fixed_cut_stands_still_and_counts_what_is_newer(watched: Watched, site: Site) -> None:
    page = watched.open(site.at("toxicity?as_of=20"))
    table = page.locator("main").inner_html()
    told = site.send(as_bytes(adverse_event("P-002", "Colitis", 3, onset="2026-01-21")), door.ONE)
    wait_for(page, "[data-newer]", told.json()["position"] - 20)
    assert page.locator("main").inner_html() == table


def test_the_pipeline_shows_what_was_refused_as_it_comes(watched: Watched, site: Site) -> None:
    page = watched.open(site.at("pipeline"))
    wrong = as_bytes(adverse_event("P-001", "Rash", 9, onset="2026-01-22"))
    told = site.send(wrong, door.ONE)
    assert told.status_code == 422
    quarantine = page.locator("[data-part=quarantine]")
    expect(quarantine).to_contain_text(told.json()["message"], timeout=PATIENCE)
    expect(quarantine).to_contain_text("data.grade")
    expect(quarantine).to_contain_text(told.json()["address"])


@pytest.mark.parametrize("name", PAGES)
def test_no_page_breaks_a_rule_of_accessibility(watched: Watched, site: Site, name: str) -> None:
    page = watched.open(site.at(name + "?as_of=25" if name == "" else name))
    if page.get_by_text("Change the cut").count():
        page.get_by_text("Change the cut").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(browser: Browser, site: Site, name: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = Watched(context.new_page(), site).open(site.at(name))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_everything_is_reached_by_the_keyboard(watched: Watched, site: Site) -> None:
    page = watched.open(site.at("toxicity"))
    needed = ["#content", "/participants", "choose-cut", "basis=reported", "scroll tall", "/behind"]
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
        if "<summary" in focused:
            focused = page.evaluate("document.activeElement.parentElement.id")
        if needed[0] in focused:
            needed.pop(0)
        if not needed:
            break
    assert needed == []
    page.keyboard.press("Enter")
    expect(page.locator("h1")).not_to_have_text("Who had which toxicity, how severe?")
    expect(page.locator(".pile").first).to_be_visible()
