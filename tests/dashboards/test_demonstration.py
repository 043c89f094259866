"""Does the demonstration play while one looks, and end when it is told to? The command itself, with a browser on it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.dashboards.browser import CHROMIUM, needed

PATIENCE = 60_000


class Demonstration:
    """`tocsin demo` in a process group of its own, as a terminal starts it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "demo", "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = ""
        while "http://" not in self.said and (line := self.process.stdout.readline()):
            self.said += line
        found = re.search(r"http://[0-9.:]+", self.said)
        assert found, self.said
        self.url = found[0]

    def interrupted(self) -> tuple[int, str, float]:
        """Ctrl-C, to the whole group: the exit code, all that was said, and how long it took."""
        began = time.perf_counter()
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, self.said + rest, time.perf_counter() - began

    def __enter__(self) -> "Demonstration":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@needed
def test_facts_arrive_while_one_looks_and_ctrl_c_ends_it_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    with Demonstration("--participants", "12", "--speed", "4") as demonstration, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        page.goto(demonstration.url)
        expect(page.locator("body[data-ready=yes]")).to_be_attached(timeout=PATIENCE)
        shown = page.locator(".where b.num").inner_text()
        expect(page.locator(".where b.num")).not_to_have_text(shown, timeout=PATIENCE)
        code, said, seconds = demonstration.interrupted()
        browser.close()
    with capsys.disabled():
        print(f"\nCtrl-C with a browser on the page: {seconds:.1f} s (aim: 3 s)")  # noqa: T201  a measure
    assert code == 0, said
    assert "Traceback" not in said
    assert "started afresh" in said
    assert "Ctrl-C stops" in said
    home = re.search(r"/\S*tocsin-demo-\S+", said)
    assert home
    assert not Path(home[0]).exists(), "nothing is left behind"


def test_a_second_run_says_that_it_starts_afresh_and_does_so() -> None:
    homes = []
    for _ in range(2):
        with Demonstration("--participants", "1", "--speed", "0.1") as demonstration:
            code, said, _ = demonstration.interrupted()
            assert code == 0, said
            assert "started afresh" in said
            homes += re.findall(r"/\S*tocsin-demo-\S+", said)
    assert len(set(homes)) == 2


def test_ctrl_c_before_the_page_is_ready_ends_it_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin", "demo", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "started afresh" in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
