"""What does a page load besides itself? Our own style and script, and the Vega-Lite bundle made on this machine."""

import hashlib
import subprocess
import sys
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


def bundle_name() -> str:
    """The file of the bundle: another for each version."""
    return f"vega-lite-{VEGA_LITE}-{version('vl-convert-python')}.js"


def installed() -> Path:
    """Where the bundle stands that was made with the environment, as `make setup` does."""
    return Path(sys.prefix) / "share" / "tocsin" / bundle_name()


class ChartBundle:
    """The script that draws charts, made once from an installed package and kept in a folder.

    Making it takes seconds and would stop every thread of this process, so another process does it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = installed() if installed().exists() else folder / bundle_name()
        self._making = threading.Lock()
        self._maker: subprocess.Popen[bytes] | None = None
        self._closed = False

    def read(self) -> bytes:
        """The script. Raises RuntimeError where it cannot be made."""
        with self._making:
            if not self._path.exists():
                self._make()
            return self._path.read_bytes()

    def close(self) -> None:
        """Makes nothing any more."""
        self._closed = True
        if self._maker is not None:
            self._maker.kill()

    def _make(self) -> None:
        command = [sys.executable, "-m", "dashboards.live.bundle", str(self._path)]
        if not self._closed:
            self._maker = subprocess.Popen(command, start_new_session=True)
        if self._closed or self._maker is None or self._maker.wait() != 0:
            raise RuntimeError("the script that draws charts could not be made")
