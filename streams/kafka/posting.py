"""Messages that come one by one, such as those over HTTP → raw topics, each request after the one before it.

A server that takes messages is one long run (`streams.kafka.sequence`): every request is a window in each partition
that it touches, and says how far the requests before it had come. So a fact is never taken before one that was
acknowledged earlier, though they lie in different topics. A server that is started again under its name ends the run
of its predecessor, so that what that one had begun and not finished does not wait for ever, and goes on with window
numbers that no earlier one had.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from streams.admitting import Message
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.raw import NO_FAMILY
from streams.kafka.sending import Lane, end_of_run, sent, standing
from streams.kafka.sequence import Turn
from streams.kafka.writer import Writer


class Door:
    """Takes messages as they come, one request after the other. No two may have the same name at a time."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._one_by_one = threading.Lock()
        run, first = f"door-{name}", time.time_ns() // 1_000_000
        with closing(Log(connection)) as log:
            reached = [standing(log, number) for number in range(log.partitions())]
        self._lanes = [Lane(run, number, first + 1, of_it) for number, of_it in enumerate(reached)]
        ends = [(number, Turn(run, first, 0, 0, of_it)) for number, of_it in enumerate(reached) if of_it]
        self._writer = Writer(connection)
        self._writer.send([end_of_run(NO_FAMILY, number, turn) for number, turn in ends])

    def post(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Sends messages; gives for each where it stands, or why it was not sent. Raises `KafkaError`."""
        with self._one_by_one:
            return list(sent(self._writer, self._lanes, messages))

    def close(self) -> None:
        """Lets go of the brokers."""
        self._writer.close()
