"""A Faust agent as Faust's own documentation writes one: it takes each event of a topic, decodes it, and does no more.

`python -m benchmarks.consuming HOST:PORT TOPIC COUNT FILE`: it notes events, processor time and clock now and
then, and ends after so many events.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import faust
import orjson

EVERY = 1_000


def main(address: str, name: str, count: int, notes: Path) -> None:
    """Runs until it has seen enough."""
    app: Any = faust.App(
        f"consuming-{os.getpid()}",
        broker=f"kafka://{address}",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        datadir=str(notes.parent),
    )
    topic = app.topic(name, key_serializer="raw", value_serializer="raw")

    async def consume(stream: Any) -> None:
        seen = 0
        with notes.open("w") as file:
            async for value in stream:
                orjson.loads(value)
                seen += 1
                if seen % EVERY == 0:
                    file.write(f"{seen} {time.process_time():.6f} {time.monotonic():.6f}\n")
                if seen == count:
                    file.flush()
                    os._exit(0)

    app.agent(topic)(consume)
    faust.Worker(app, loglevel="error", console_port=0).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
