"""Where do the tests get a ClickHouse server from? Two that listen on loopback, each a process that can be killed.

`Bridge` is the engine of today, chDB, behind the native protocol (`tests.clickhouse.bridge`). `OldServer` is the
distribution's `clickhouse-server`, a real one from 2018, whose SQL lacks most of what boards use: the driver's
handshake and a writer's life and death can be tried on it, with tables of its own.
"""

import atexit
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from streams.store.server import Server
from tests.clickhouse.bridge import PASSWORD, USER
from tests.kafka.broker import HOST, free_port, listens

READY_SECONDS = 60
OLD_BINARY = shutil.which("clickhouse-server", path="/usr/sbin:/usr/bin:/usr/local/bin")

CONFIG = """<yandex>
<logger><level>warning</level><console>1</console></logger>
<tcp_port>{port}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
<users_config>{folder}/users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><mark_cache_size>5368709120</mark_cache_size>
</yandex>"""
USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas>
<users><tocsin><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></tocsin></users></yandex>"""


class Listening:
    """A process that listens on a port of loopback and keeps its data in a folder: killed, it comes back as it was."""

    def __init__(self, folder: Path, command: Sequence[str], port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.server = Server(HOST, port, USER, PASSWORD)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        atexit.register(self.kill)
        until = time.monotonic() + READY_SECONDS
        while not listens(self.server.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Bridge(Listening):
    """The engine of today behind the native protocol."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__(folder, [sys.executable, "-m", "tests.clickhouse.bridge", str(folder), str(port)], port)

    def lose_the_next_answer(self) -> None:
        """The next insert arrives, and its answer does not."""
        (self.folder / "cut").touch()


class OldServer(Listening):
    """The distribution's server."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__(folder, [str(OLD_BINARY), f"--config-file={folder}/config.xml"], port)
        (folder / "config.xml").write_text(CONFIG.format(port=port, folder=folder))
        (folder / "users.xml").write_text(USERS.format(password=PASSWORD))
