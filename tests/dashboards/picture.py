"""The picture of the live page in README: `python -m tests.dashboards.picture` makes it again, in a real Chromium."""

import base64
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from protocols import shipped
from streams.intake import Message
from streams.local import Home
from streams.simulation import simulate
from tests.dashboards.browser import CHROMIUM
from tests.integration.test_served_home import served

PICTURE = Path(__file__).parents[2] / "docs" / "overview.webp"
WIDTH, HEIGHT = 1280, 980
AS_WEBP = """
async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.85);
}
"""
"""The browser compresses its own screenshot: a third of the size, and no library for it."""


def main() -> None:
    if CHROMIUM is None:
        sys.exit("there is no chromium on this machine")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Home(home) as told:
            told.receive([Message(raw, "simulation") for raw in simulate(shipped("ak117_hnscc"))])
        with served(home) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            PICTURE.write_bytes(compressed(browser, shot(browser, server.url)))
            browser.close()


def shot(browser: Browser, url: str) -> bytes:
    """The first screen, when everything on it is drawn."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.goto(url)
    page.wait_for_selector("body[data-ready=yes]", state="attached")
    page.wait_for_load_state("load")
    return page.screenshot(animations="disabled")


def compressed(browser: Browser, png: bytes) -> bytes:
    encoded = base64.b64encode(png).decode()
    webp: str = browser.new_page().evaluate(AS_WEBP, f"data:image/png;base64,{encoded}")
    return base64.b64decode(webp.removeprefix("data:image/webp;base64,"))


if __name__ == "__main__":
    main()
