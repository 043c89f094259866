"""How does a client reach the broker? One address and one security, said to each client library in its own words.

The home of the distributed engine is written `kafka://host:port[,host:port…][/NAMESPACE]`. A namespace goes before
every topic and group, so that two installations can live on one cluster.
"""

import logging
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from schemas.topics import Topic

SCHEME = "kafka://"
ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")

REACHING_SECONDS = 15.0
"""How long a command tries to reach a broker before it says that there is none, unless it is told otherwise."""

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Security:
    """Whom we trust and who we are."""

    protocol: Protocol = "PLAINTEXT"
    ca_file: Path | None = None
    """Who signs the brokers' certificates; without it, whoever the system trusts."""
    certificate_file: Path | None = None
    """Our own certificate, where brokers ask for one."""
    key_file: Path | None = None
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def over_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def by_password(self) -> bool:
        """Whether we say who we are by name and password."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def context(self) -> ssl.SSLContext:
        """The TLS that every client uses: certificates and host names are checked."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the broker is, under which namespace we live there, and how we come in."""

    bootstrap: tuple[str, ...]
    namespace: str = ""
    security: Security = Security()
    reaching_seconds: float = REACHING_SECONDS

    @classmethod
    def to(cls, home: str, security: Security = Security(), reaching_seconds: float = REACHING_SECONDS) -> "Connection":
        """The connection that a home names. Raises ValueError where it is not written so."""
        addresses, slash, namespace = home.removeprefix(SCHEME).partition("/")
        bootstrap = tuple(addresses.split(","))
        if not home.startswith(SCHEME) or not all(ADDRESS.fullmatch(address) for address in bootstrap):
            raise ValueError(f"{home}: a broker is written kafka://host:port[,host:port]")
        if slash and not NAMESPACE.fullmatch(namespace):
            raise ValueError(f"{home}: a namespace is letters, digits, _ and -, and begins with a letter or a digit")
        return cls(bootstrap, namespace, security, reaching_seconds)

    def __str__(self) -> str:
        return SCHEME + ",".join(self.bootstrap) + (f"/{self.namespace}" if self.namespace else "")

    def topic(self, topic: Topic) -> str:
        """The broker's name of a topic."""
        return f"{self.namespace}.{topic.name}" if self.namespace else topic.name

    def group(self, agent: str) -> str:
        """The consumer group of an agent."""
        return f"{self.namespace}.tocsin-{agent}" if self.namespace else f"tocsin-{agent}"

    def kafka_python(self) -> dict[str, Any]:
        """Arguments of every client of kafka-python."""
        return self._client() | {"bootstrap_timeout_ms": self.reaching_seconds * 1000}

    def aiokafka(self) -> dict[str, Any]:
        """Arguments of every client of aiokafka."""
        return self._client()

    def faust(self) -> dict[str, Any]:
        """Arguments of `faust.App` by which it reaches the broker."""
        from faust.auth import SASLCredentials, SSLCredentials

        _keep_bodies_out_of_logs()
        security = self.security
        broker = ";".join(SCHEME + address for address in self.bootstrap)
        context = security.context() if security.over_tls else None
        if security.by_password:
            who = {"username": security.username, "password": security.password}
            credentials = SASLCredentials(**who, mechanism=security.mechanism, ssl_context=context)
            return {"broker": broker, "broker_credentials": credentials}
        return {"broker": broker, "broker_credentials": SSLCredentials(context)} if context else {"broker": broker}

    def _client(self) -> dict[str, Any]:
        """The words that kafka-python and aiokafka share."""
        _keep_bodies_out_of_logs()
        security = self.security
        said: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap),
            "client_id": "tocsin",
            "security_protocol": security.protocol,
        }
        if security.over_tls:
            said["ssl_context"] = security.context()
        if security.by_password:
            said["sasl_mechanism"] = security.mechanism
            said["sasl_plain_username"] = security.username
            said["sasl_plain_password"] = security.password
        return said


def _keep_bodies_out_of_logs() -> None:
    """At level DEBUG the clients write whole messages into their logs, whatever level the rest of the process has."""
    for client in ("kafka", "aiokafka", "faust"):
        logger = logging.getLogger(client)
        logger.setLevel(max(logger.level, logging.INFO))
