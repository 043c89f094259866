"""A served home and the commands beside it, each a process of its own, as on any machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.builders import TRIAL, adopted, dose, enrolled, lab
from tests.forking import tocsin
from tests.integration.test_doors import lines, ndjson

STORY = (
    adopted(clock="simulated", time="2026-03-01T00:00:00Z"),  # no tick comes in between
    enrolled(),
    dose(),
    lab(analyte="HGB", value="78", unit="g/L", lower="120", upper="160"),
)


class Server:
    """`tocsin serve` on a port of its own."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "tocsin", "serve", "--home", str(home), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        assert told.startswith("Live page: "), self.process.communicate()
        self.url = told.removeprefix("Live page: ").strip().rstrip("/")

    def end(self, by: signal.Signals) -> int:
        """Ends the process, and waits as long as that takes."""
        self.process.send_signal(by)
        self.process.communicate()
        return self.process.returncode


@contextmanager
def served(home: Path) -> Iterator[Server]:
    server = Server(home)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def test_facts_ingested_beside_a_server_go_to_the_server_and_keep_their_addresses(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "facts.ndjson"
    file.write_bytes(ndjson(STORY) + b"{broken\n")
    with served(home) as server:
        told = tocsin("ingest", str(file), "--home", str(home))
        assert told.returncode == 3
        outcomes = lines(told.stdout)
        assert [line["outcome"] for line in outcomes] == ["accepted"] * 4 + ["quarantined"]
        assert [line["address"] for line in outcomes] == [f"facts.ndjson:{number}" for number in range(1, 6)]
        again = tocsin("ingest", "-", "--home", str(home), given=file.read_bytes())
        assert [line["outcome"] for line in lines(again.stdout)] == ["duplicate"] * 4 + ["quarantined"]
        over_http = httpx.get(f"{server.url}/trials/{TRIAL}/findings", timeout=60).content
        beside = tocsin("findings", "--home", str(home), "--trial", TRIAL)
        assert beside.returncode == 0
        assert over_http == beside.stdout
        assert b'"grade":3' in beside.stdout
        assert server.end(signal.SIGINT) == 0
    assert tocsin("findings", "--home", str(home), "--trial", TRIAL).stdout == beside.stdout


def test_a_second_server_ends_with_1_and_names_the_first(tmp_path: Path) -> None:
    with served(tmp_path / "home") as server:
        second = tocsin("serve", "--home", str(tmp_path / "home"), "--port", "0")
        assert second.returncode == 1
        told = second.stderr.decode()
        assert len(told.splitlines()) == 1
        assert f"tocsin serve at {server.url}" in told
        assert f"process {server.process.pid}" in told


def test_a_second_writer_ends_with_1_and_names_the_first(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    command = [sys.executable, "-m", "tocsin", "ingest", "-", "--home", home]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdin is not None
        while not (tmp_path / "home" / "home.lock").exists() or not (tmp_path / "home" / "home.lock").read_bytes():
            os.sched_yield()
        second = tocsin("ingest", "-", "--home", home, given=ndjson(STORY))
        assert second.returncode == 1
        assert f"held by tocsin ingest (process {first.pid})" in second.stderr.decode()
        assert second.stdout == b""
        told, _ = first.communicate(ndjson(STORY))
        assert [line["outcome"] for line in lines(told)] == ["accepted"] * 4


def test_a_fact_that_comes_through_a_pipe_is_durable_and_answered_before_the_next_one_comes(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    command = [sys.executable, "-m", "tocsin", "ingest", "-", "--home", home]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        for position, message in enumerate(STORY, start=1):
            sender.stdin.write(ndjson([message]))
            sender.stdin.flush()
            (answer,) = lines(sender.stdout.readline())
            assert (answer["outcome"], answer["position"]) == ("accepted", position)
            told = tocsin("findings", "--home", home, "--trial", TRIAL, "--as-of", str(position))
            assert told.returncode == 0
        sender.kill()
    assert b'"grade":3' in tocsin("findings", "--home", home, "--trial", TRIAL).stdout


def test_a_server_that_was_killed_holds_nothing_and_has_lost_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home) as server:
        told = tocsin("ingest", "-", "--home", str(home), given=ndjson(STORY[:3]))
        assert [line["position"] for line in lines(told.stdout)] == [1, 2, 3]
        server.end(signal.SIGKILL)
    told = tocsin("ingest", "-", "--home", str(home), given=ndjson(STORY))
    assert [line["outcome"] for line in lines(told.stdout)] == ["duplicate"] * 3 + ["accepted"]
