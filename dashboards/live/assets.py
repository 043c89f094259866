"""What does a page load besides itself? Our own style and script, and the Vega-Lite bundle made on this machine."""

import hashlib
import threading
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

VEGA_LITE = "6.4"
"""The version of Vega-Lite that the charts are written in."""

STATIC = files("dashboards.live") / "static"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
NAMES = frozenset({"live.css", "live.js", "mark.svg"})


@cache
def own(name: str) -> bytes:
    """One of our own files."""
    return (STATIC / name).read_bytes()


@cache
def fingerprint() -> str:
    """Changes with our files and with the bundle: browsers keep what they have until then."""
    bundle = f"{VEGA_LITE} {version('vl-convert-python')}".encode()
    return hashlib.sha256(b"".join(own(name) for name in sorted(NAMES)) + bundle).hexdigest()[:12]


class ChartBundle:
    """The script that draws charts, made once from an installed package and kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"vega-lite-{VEGA_LITE}-{version('vl-convert-python')}.js"
        self._making = threading.Lock()

    def read(self) -> bytes:
        """The script. Making it takes seconds, and happens once for each version."""
        with self._making:
            if not self._path.exists():
                self._make()
            return self._path.read_bytes()

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text(_bundled(), encoding="utf-8")
        unfinished.replace(self._path)


def _bundled() -> str:
    import vl_convert  # only here: it starts a whole script engine

    bundle: str = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]  # its stub forgets a default
    return bundle
