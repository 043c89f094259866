"""What is set from outside? Environment variables, read once by the command line and handed down from there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from schemas.topics import REPLICATION
from streams.kafka.connection import SESSION_SECONDS, Connection, Mechanism, Protocol, Security

PREFIX = "TOCSIN_KAFKA_"


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
    replication: int = REPLICATION
    """How many copies of every message there must be."""
    session_seconds: float = SESSION_SECONDS
    """After so long without a sign of life, a worker's partitions go to another."""

    def connection(self, home: str) -> Connection:
        """The connection to a home. Raises ValueError where the home is not written so, OSError without the file."""
        password = self.password_file.read_text(encoding="utf-8").strip() if self.password_file else None
        said = (self.security, self.ca_file, self.certificate_file, self.key_file)
        return Connection.to(home, Security(*said, self.mechanism, self.username, password))


class SettingsError(ValueError):
    """A variable that says nothing we know; each line names one."""


def kafka_settings(environment: Mapping[str, str] = os.environ) -> KafkaSettings:
    """The settings as they stand in the environment; an unknown or impossible one is an error, not a default."""
    said = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
    known = {field.name for field in fields(KafkaSettings)}
    unknown = sorted(name for name in said if name.lower() not in known)
    if unknown:
        raise SettingsError("\n".join(f"{PREFIX}{name}: there is no such setting" for name in unknown))
    try:
        settings = TypeAdapter(KafkaSettings).validate_python({name.lower(): value for name, value in said.items()})
    except ValidationError as error:
        wrong = ((str(one["loc"][0]), one["msg"]) for one in error.errors(include_input=False, include_url=False))
        raise SettingsError("\n".join(f"{PREFIX}{name.upper()}: {message}" for name, message in wrong)) from None
    return settings
