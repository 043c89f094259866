"""A Kafka on loopback to try things on: one node or three, gone without a trace when it is interrupted."""

import argparse
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.kafka.broker import Cluster


def main() -> None:
    """Starts the nodes, prints where they are, and waits for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make kafka", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="1, or 3 so that one can be lost")
    nodes = parser.parse_args().nodes
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background deaf to Ctrl-C
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="tocsin-kafka-") as folder, Cluster(Path(folder), nodes) as cluster:
        print(f"TOCSIN_KAFKA={cluster.address}")  # noqa: T201
        topics = f"tocsin topics create --replication {min(3, nodes)} --home kafka://{cluster.address}"
        print(topics, flush=True)  # noqa: T201
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
