"""Do TLS and passwords reach the broker through every client, and does nobody come in without them?"""

import asyncio
import datetime
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from schemas.topics import RAW
from streams.kafka import topics
from streams.kafka.connection import SCHEME, Connection, Mechanism, Protocol, Security
from streams.kafka.log import Log
from streams.kafka.records import Outgoing
from streams.kafka.writer import Writer
from tests.forking import tocsin
from tests.kafka.broker import HOST, Broker, free_port, unavailable
from tests.kafka.fixtures import REQUIRED

USER, PASSWORD = "tocsin", "a-password-of-the-tests"
LABS = RAW[4]


@dataclass(frozen=True)
class Guarded:
    """A broker that is reached by TLS with certificates on both sides, and by TLS with a password."""

    by_certificate: int
    by_password: int
    ca: Path
    client: tuple[Path, Path]

    def connection(self, protocol: Protocol, mechanism: Mechanism = "SCRAM-SHA-512", **other: Any) -> Connection:
        port = self.by_password if protocol == "SASL_SSL" else self.by_certificate
        certificate, key = self.client if protocol == "SSL" else (None, None)
        who = (USER, PASSWORD) if protocol == "SASL_SSL" else (None, None)
        security = replace(Security(protocol, self.ca, certificate, key, mechanism, *who), **other)
        return Connection.to(f"{SCHEME}{HOST}:{port}/guarded", security)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Who signs the certificates of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = self._written("ca", [self._signed("ca", self.key, ca=True)])

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self.folder / f"{name}.key"
        file.write_bytes(key.private_bytes(*private))
        return self._written(name, [self._signed(name, key, ca=False)]), file

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("ca"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(here, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def _written(self, name: str, certificates: list[x509.Certificate]) -> Path:
        file = self.folder / f"{name}.pem"
        file.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
        return file


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if why := unavailable():
        assert not REQUIRED, why
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    certificate, key = authority.issue("broker")
    store = folder / "broker.store.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    by_certificate, by_password = free_port(), free_port()
    broker = Broker(folder / "broker", properties={})
    plain = broker._all_properties()
    login = f'org.apache.kafka.common.security.{{}} required username="x" password="x" user_{USER}="{PASSWORD}";'
    broker._properties = {
        "listeners": f"{plain['listeners']},TLS://{HOST}:{by_certificate},SASL://{HOST}:{by_password}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.tls.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.sasl.plain.sasl.jaas.config": login.format("plain.PlainLoginModule"),
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }
    with broker:
        with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, "SCRAM-SHA-512", PASSWORD)])
        yield Guarded(by_certificate, by_password, authority.file, authority.issue("client"))


WAYS: list[tuple[Protocol, Mechanism]] = [("SSL", "PLAIN"), ("SASL_SSL", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-512")]


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_every_client_comes_in(guarded: Guarded, protocol: Protocol, mechanism: Mechanism) -> None:
    connection = guarded.connection(protocol, mechanism)
    topics.create(connection, 1, replication=1)
    assert topics.check(connection, replication=1) == ()
    with Writer(connection) as writer:
        (place,) = writer.send([Outgoing(LABS, 0, b"T", b"by kafka-python", [])])
    asyncio.run(_by_asyncio(connection, place.offset))
    log = Log(connection)
    said = [record.value for record in log.read(LABS, 0, place.offset, log.end(LABS, 0))]
    log.close()
    assert said == [b"by kafka-python", b"by aiokafka", b"by faust"]


async def _by_asyncio(connection: Connection, at: int) -> None:
    name = connection.topic(LABS)
    async with AIOKafkaProducer(**connection.aiokafka(), acks="all") as producer:
        await producer.send_and_wait(name, b"by aiokafka", partition=0)
    app = faust.App("guarded", web_enabled=False, **connection.faust())
    await app.producer.start()
    await app.producer.send_and_wait(name, b"T", b"by faust", 0, None, {})
    await app.producer.stop()
    async with AIOKafkaConsumer(**connection.aiokafka()) as consumer:
        consumer.assign([TopicPartition(name, 0)])
        consumer.seek(TopicPartition(name, 0), at)
        assert (await consumer.getone()).value == b"by kafka-python"


@pytest.mark.parametrize("who", ["the right password", "a wrong password", "no certificate", "another authority"])
def test_nobody_comes_in_otherwise_and_no_password_is_told(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    file = tmp_path / "password"
    file.write_text("another-password" if who == "a wrong password" else PASSWORD)
    said = {
        "SECURITY": "SASL_SSL",
        "USERNAME": USER,
        "PASSWORD_FILE": str(file),
        "CA_FILE": str(guarded.ca),
    }
    port = guarded.by_password
    if who == "no certificate":
        said, port = {"SECURITY": "SSL", "CA_FILE": str(guarded.ca)}, guarded.by_certificate
    if who == "another authority":
        said["CA_FILE"] = str(Authority(tmp_path).file)
    said["REACHING_SECONDS"] = "15" if who == "the right password" else "2"
    for name, value in said.items():
        monkeypatch.setenv(f"TOCSIN_KAFKA_{name}", value)
    ended = tocsin("topics", "check", "--home", f"{SCHEME}{HOST}:{port}/nowhere")
    told = ended.stderr.decode()
    assert ended.returncode == 1
    if who == "the right password":
        assert "the topic is missing" in told
    else:
        assert len(told.splitlines()) == 1
        assert "Kafka" in told
    assert PASSWORD not in told
    assert "another-password" not in told
