"""Where do the tests get a Kafka from? Apache Kafka itself, from Maven Central, on loopback: one node or three.

The jars are copied once into the user's cache. A broker is a process of its own, so that its kill is a real one; what
it keeps lies in a folder, so that it comes back on the same port with the same data.
"""

import atexit
import fcntl
import hashlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
HOST = "127.0.0.1"
CLUSTER = "dG9jc2luLW9mLXRlc3RzIQ"
"""The name of every cluster here, as Kafka writes one: sixteen bytes in base64."""

HEAP = "256m"
READY_SECONDS = 90
"""How long a node may take to come up: some seconds by itself, more on a machine that does much else."""


def unavailable() -> str | None:
    """Why no broker can be started here, or None."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"no {' and no '.join(missing)} here to run Apache Kafka with" if missing else None


def jars() -> Path:
    """The folder of Kafka's jars, which Maven fills the first time; two who come at once wait for one another."""
    pom = HERE / "pom.xml"

    def fill(folder: Path) -> None:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        subprocess.run(["mvn", "--batch-mode", "--quiet", "--file", str(pom), *goal], check=True)

    return _kept(f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}", fill)


def formatted(node: int) -> Path:
    """A data folder as Kafka's own tool formats it for a node of any cluster of ours, without anything in it."""

    def fill(folder: Path) -> None:
        folder.mkdir()
        settings = {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.voters": f"{node}@{HOST}:1",
            "listeners": f"PLAINTEXT://{HOST}:2,CONTROLLER://{HOST}:1",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(folder / "data"),
        }
        file = folder / "settings"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(file)]
        done = subprocess.run([*java(HEAP), *tool], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(f"the storage could not be formatted:\n{done.stdout.decode()}")

    return _kept(f"{jars().name}-node-{node}", fill) / "data"


def java(heap: str) -> list[str]:
    """The command that runs a class of Kafka."""
    options = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return ["java", *options, logging, "-cp", f"{jars()}/*"]


def _kept(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder in the user's cache, filled the first time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tocsin"
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            filling = folder.with_suffix(".filling")
            shutil.rmtree(filling, ignore_errors=True)
            fill(filling)
            filling.rename(folder)
    return folder


class Broker:
    """One node, broker and controller in one process. It is started, stopped, killed, frozen, and started again.

    Example: `with Broker(folder) as broker: connect(broker.address)`
    """

    def __init__(
        self,
        folder: Path,
        *,
        node: int = 1,
        voters: Mapping[int, int] | None = None,
        properties: Mapping[str, str] | None = None,
        heap: str = HEAP,
    ) -> None:
        self.folder = folder
        self.node = node
        self.port = free_port()
        self._voters = voters or {node: free_port()}
        self._properties = properties or {}
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None
        self._formatted = False

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that runs."""
        if self._process is None:
            raise LookupError(f"node {self.node} does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """What it said, over all its lives."""
        return self.folder / "server.log"

    def start(self, *, wait: bool = True) -> Self:
        """Starts it on its port and its data; by default waits until it answers."""
        if not self._formatted:
            self._format()
        with self.log.open("ab") as log:
            command = [*_dies_with_us(), *java(self._heap), "kafka.Kafka", str(self._settings)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        atexit.register(self.kill)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Waits until it serves: it listens only once it has caught up with the cluster."""
        until = time.monotonic() + READY_SECONDS
        while not listens(self.port):
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"node {self.node} did not come up:\n{self._last_words()}")
            time.sleep(0.05)

    def stop(self, *, patience: float = 30) -> None:
        """Ends it in good order: its partitions are handed over and its log is flushed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:  # the last of a quorum can wait for a majority that is gone
                self._process.kill()
            self._ended()

    def kill(self) -> None:
        """Kills it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def restart(self) -> None:
        """Kills it, if it runs, and starts it again on the same port and data."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stops it in its tracks (SIGSTOP): its connections stand, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def limit_files(self, largest: int) -> None:
        """From now on no file of its can grow beyond so many bytes: to its eyes the disk is full."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in self._all_properties().items()))
        shutil.copytree(formatted(self.node), self.folder / "data")
        self._formatted = True

    def _all_properties(self) -> dict[str, str]:
        replicas = str(min(3, len(self._voters)))
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": ",".join(f"{node}@{HOST}:{port}" for node, port in self._voters.items()),
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._voters[self.node]}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",  # a test need not wait six seconds for a dead worker
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": "4194304",  # small: a heap of 256 MB holds the default only just
            "log.index.size.max.bytes": "1048576",
            "num.network.threads": "2",
            "num.io.threads": "4",
        } | dict(self._properties)

    def _ended(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
            atexit.unregister(self.kill)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class Cluster:
    """Three nodes, so that one can be lost. Topics are for the test to make, with replication 3."""

    def __init__(
        self, folder: Path, nodes: int = 3, *, properties: Mapping[str, str] | None = None, heap: str = HEAP
    ) -> None:
        voters = {node: free_port() for node in range(1, nodes + 1)}
        self.brokers: Sequence[Broker] = [
            Broker(folder / str(node), node=node, voters=voters, properties=properties, heap=heap) for node in voters
        ]

    @property
    def address(self) -> str:
        """Where clients find it: every node, by comma."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self) -> Self:
        """Starts all nodes, and waits until each answers."""
        for broker in self.brokers:
            broker.start(wait=False)
        for broker in self.brokers:
            broker.wait_until_ready()
        return self

    def kill(self) -> None:
        """Kills every node that runs."""
        for broker in self.brokers:
            broker.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _dies_with_us() -> list[str]:
    """No broker outlives a killed test run. The signal comes when the *thread* ends, so only the main one asks."""
    main = threading.current_thread() is threading.main_thread()
    return ["setpriv", "--pdeathsig", "KILL"] if main and shutil.which("setpriv") else []
