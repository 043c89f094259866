"""What stays behind of a client that finds no broker? Nothing: whoever asks for ever must not run out of sockets.

A client of kafka-python starts its thread and opens its selector before it has reached a broker, and raises from its
constructor when there is none: then nobody holds it who could close it. And the socket of an attempt to connect that
failed it leaves to the collector of garbage.
"""

import socket
from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

from streams.kafka.connection import Connection

T = TypeVar("T")


class Direct(KafkaNetSocket):  # type: ignore[misc]  # kafka-python tells no types
    """Connects as kafka-python does without a proxy, and closes what does not come about."""

    SCHEMES = ("direct",)

    async def sock_connect(self, net: Any, sock: socket.socket, *where: Any, **until: Any) -> socket.socket:
        """A socket that is connected. Raises where it cannot be."""
        try:
            connected: socket.socket = await super().sock_connect(net, sock, *where, **until)
        except BaseException:
            sock.close()
            raise
        return connected


def reached(kind: Callable[..., T], connection: Connection, **settings: Any) -> T:
    """A client of kafka-python that has reached a broker. Raises `KafkaError`; what was opened is closed before.

    Example: `reached(KafkaAdminClient, connection)`
    """
    opened: list[KafkaNetClient] = []

    def network(**config: Any) -> KafkaNetClient:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    try:
        return kind(**connection.kafka_python(), **settings, kafka_client=network, proxy_url=f"{Direct.SCHEMES[0]}://")
    except BaseException:
        for one in opened:
            one.close()
        raise
