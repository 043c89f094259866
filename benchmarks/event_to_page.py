"""How soon is a fact seen? From its POST to /facts until an open page in a real browser shows it."""

import itertools
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from protocols import shipped
from streams.simulation import simulate

TRIAL = "AK117-HNSCC-II"
BEFORE = 6_000
"""Facts that the trial has when measuring begins: its boundary is reached, its tables are full."""
FACTS = int(os.environ.get("TOCSIN_BENCH_EVENTS", "200"))
PAUSES = (0.3, 0.45, 0.6)
"""Seconds between a fact that was seen and the next one."""
AIM_MS = 250

WATCH = """
() => {
  const waiting = [];
  const position = () => Number(document.body.dataset.position);
  const told = () => requestAnimationFrame(() => {
    const now = performance.timeOrigin + performance.now();
    for (const one of waiting.splice(0)) position() >= one.position ? one.resolve(now) : waiting.push(one);
  });
  new MutationObserver(told).observe(document.body, { attributes: true, attributeFilter: ["data-position"] });
  window.shownAt = (wanted) => new Promise((resolve) => { waiting.push({ position: wanted, resolve }); told(); });
}
"""
"""Notes the frame in which the page stands at a position, by the clock of this machine."""


def measure() -> None:
    """Prints the distribution, and the aim."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("event to page      not measured: there is no chromium on this machine")
        return
    told = [raw.replace(b'"clock":"simulated"', b'"clock":"system"') for raw in simulate(shipped("ak117_hnscc"))]
    told = [raw for raw in told if b"ClockTicked" not in raw]
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, sync_playwright() as playwright:
        send(url, told[:BEFORE])
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        page.goto(f"{url}/trials/{TRIAL}/")
        page.wait_for_selector("body[data-ready=yes]", state="attached")
        page.evaluate(WATCH)
        chosen = zip(told[BEFORE : BEFORE + FACTS], itertools.cycle(PAUSES), strict=False)
        times = sorted(until_shown(url, page, raw, pause) for raw, pause in chosen)
        browser.close()
    at = statistics.quantiles(times, n=100)
    print(f"event to page      p50 {at[49]:.0f} ms, p95 {at[94]:.0f} ms, p99 {at[98]:.0f} ms of {len(times)} facts")
    print(f"  aim: p99 under {AIM_MS} ms; the slowest took {times[-1]:.0f} ms")


def until_shown(url: str, page: Page, raw: bytes, pause: float) -> float:
    """Milliseconds from the request to the frame in which the page shows the fact's position."""
    time.sleep(pause)
    began = time.time()
    answer = httpx.post(f"{url}/facts", content=raw, headers={"content-type": "application/cloudevents+json"})
    shown = page.evaluate("position => window.shownAt(position)", answer.json()["position"])
    return float(shown) - began * 1000


def send(url: str, raws: list[bytes]) -> None:
    """Everything that was told before, in large steps."""
    for at in range(0, len(raws), 500):
        body = b"\n".join(raws[at : at + 500])
        httpx.post(f"{url}/facts", content=body, headers={"content-type": "application/x-ndjson"}, timeout=120)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`tocsin serve` in a process of its own; gives its address."""
    command = [sys.executable, "-m", "tocsin", "serve", "--home", str(folder / "home"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert found
        yield found[0]
        process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    measure()
