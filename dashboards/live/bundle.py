"""Makes the script that draws charts: `python -m dashboards.live.bundle [FILE]`; without FILE, for all homes."""

import os
import sys
from pathlib import Path

import vl_convert

from dashboards.live.assets import VEGA_LITE, installed


def make(path: Path) -> None:
    """Writes the bundle; who reads the file finds all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    bundle: str = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]  # its stub forgets a default
    unfinished.write_text(bundle, encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else installed())
