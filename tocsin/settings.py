"""What is set from outside? Environment variables, read once by the command line and handed down from there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from schemas.topics import REPLICATION
from streams.kafka.connection import REACHING_SECONDS, Connection, Mechanism, Protocol, Security
from streams.store.server import Server

Settings = TypeVar("Settings", "KafkaSettings", "StoreSettings")

KAFKA, CLICKHOUSE = "TOCSIN_KAFKA", "TOCSIN_CLICKHOUSE"
"""How their variables begin; the second one alone names the server, as host:port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """The settings of the distributed engine: each is the environment variable TOCSIN_KAFKA_ and its name."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    security: Protocol = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    ca_file: Path | None = None
    """Who signs the brokers' certificates (PEM); without it, whoever the system trusts."""
    certificate_file: Path | None = None
    """Our own certificate (PEM), where brokers ask for one."""
    key_file: Path | None = None
    """Its key (PEM)."""
    mechanism: Mechanism = "SCRAM-SHA-512"
    """How a password is proved: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    username: str | None = None
    password_file: Path | None = None
    """The file that holds the password: what stands in an environment can be read by others."""
    reaching_seconds: float = REACHING_SECONDS
    """How long a command tries to reach a broker before it says that there is none."""
    replication: int = REPLICATION
    """How many copies of every message there must be."""
    session_seconds: float = 10.0
    """After so long without a sign of life, a worker's partitions go to another."""
    snapshot_every: int = 20_000
    """How many facts are folded before a snapshot is worth while."""

    def connection(self, home: str) -> Connection:
        """The connection to a home. Raises ValueError where the home is not written so, OSError without the file."""
        password = _password(self.password_file) or None
        said = (self.security, self.ca_file, self.certificate_file, self.key_file)
        security = Security(*said, self.mechanism, self.username, password)
        return Connection.to(home, security, self.reaching_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The settings of the boards' server: each is the environment variable TOCSIN_CLICKHOUSE_ and its name."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    user: str = "default"
    password_file: Path | None = None
    """The file that holds the password: what stands in an environment can be read by others."""
    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "tocsin"
    secure: bool = False
    """Whether the connection is encrypted."""
    ca_file: Path | None = None
    """Who signs the server's certificate (PEM); without it, whoever the system trusts."""

    def server(self, address: str) -> Server:
        """The server at an address. Raises ValueError where that is not written so, OSError without the file."""
        trusted = str(self.ca_file) if self.ca_file else None
        said = (self.user, _password(self.password_file), self.database)
        return Server(*store_address(address), *said, self.secure, trusted)


class SettingsError(ValueError):
    """A variable that says nothing we know; each line names one."""


def kafka_settings(environment: Mapping[str, str] = os.environ) -> KafkaSettings:
    """The settings as they stand in the environment; an unknown or impossible one is an error, not a default."""
    return _read(KafkaSettings, f"{KAFKA}_", environment)


def store_server(address: str | None = None, environment: Mapping[str, str] = os.environ) -> Server | None:
    """The ClickHouse server that is named on the command line or in TOCSIN_CLICKHOUSE; None where none is."""
    settings = _read(StoreSettings, f"{CLICKHOUSE}_", environment)
    named = address or environment.get(CLICKHOUSE)
    return settings.server(named) if named else None


def store_address(address: str) -> tuple[str, int]:
    """Host and port of a ClickHouse server. Raises SettingsError where they are not written so."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise SettingsError(f"{address}: a ClickHouse server is written host:port")
    return host.strip("[]"), int(port)


def _read(what: type[Settings], prefix: str, environment: Mapping[str, str]) -> Settings:
    said = {name.removeprefix(prefix): value for name, value in environment.items() if name.startswith(prefix)}
    known = {field.name for field in fields(what)}
    unknown = sorted(name for name in said if name.lower() not in known)
    if unknown:
        raise SettingsError("\n".join(f"{prefix}{name}: there is no such setting" for name in unknown))
    try:
        return TypeAdapter(what).validate_python({name.lower(): value for name, value in said.items()})
    except ValidationError as error:
        wrong = ((str(one["loc"][0]), one["msg"]) for one in error.errors(include_input=False, include_url=False))
        raise SettingsError("\n".join(f"{prefix}{name.upper()}: {message}" for name, message in wrong)) from None


def _password(file: Path | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file else ""
