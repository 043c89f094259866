"""The system's Chromium for tests, and why a test is skipped without it."""

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium")
needed = pytest.mark.skipif(
    CHROMIUM is None and "chromium" not in os.environ.get("TOCSIN_REQUIRE", ""),
    reason="there is no chromium on this machine",
)
"""Marks what needs it. Where TOCSIN_REQUIRE names it, its absence fails instead."""
