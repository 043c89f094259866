"""How is a home of the distributed engine written, and does every client get the same words?"""

from pathlib import Path

import pytest

from schemas.topics import LEDGER
from streams.kafka.connection import Connection, Security
from tocsin.settings import KafkaSettings, SettingsError, kafka_settings


def test_a_home_names_brokers_and_a_namespace() -> None:
    connection = Connection.to("kafka://one:9092,[::1]:9093/site-4")
    assert connection.bootstrap == ("one:9092", "[::1]:9093")
    assert connection.topic(LEDGER) == "site-4.tocsin.ledger"
    assert connection.group("monitor") == "site-4.tocsin-monitor"
    assert str(connection) == "kafka://one:9092,[::1]:9093/site-4"


def test_without_a_namespace_topics_have_their_own_names() -> None:
    connection = Connection.to("kafka://one:9092")
    assert (connection.topic(LEDGER), connection.group("intake")) == ("tocsin.ledger", "tocsin-intake")


@pytest.mark.parametrize("home", ["kafka://", "kafka://one", "one:9092", "kafka://one:9092/", "kafka://one:9092/a.b"])
def test_a_home_that_is_written_otherwise_is_refused(home: str) -> None:
    with pytest.raises(ValueError, match=r"is written kafka|a namespace is"):
        Connection.to(home)


def test_every_client_hears_the_same_security(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    settings = kafka_settings(
        {
            "TOCSIN_KAFKA": "broker-of-the-tests:9092",
            "TOCSIN_KAFKA_SECURITY": "SASL_SSL",
            "TOCSIN_KAFKA_USERNAME": "tocsin",
            "TOCSIN_KAFKA_PASSWORD_FILE": str(secret),
            "TOCSIN_KAFKA_REPLICATION": "2",
        }
    )
    assert settings.replication == 2
    connection = settings.connection("kafka://one:9092,two:9092")
    for said in (connection.kafka_python(), connection.aiokafka()):
        assert said["bootstrap_servers"] == ["one:9092", "two:9092"]
        assert said["security_protocol"] == "SASL_SSL"
        assert (said["sasl_plain_username"], said["sasl_plain_password"]) == ("tocsin", "s3cret")
        assert said["sasl_mechanism"] == "SCRAM-SHA-512"
        assert said["ssl_context"].check_hostname
    app = connection.faust()
    assert app["broker"] == "kafka://one:9092;kafka://two:9092"
    assert app["broker_credentials"].password == "s3cret"
    assert app["broker_credentials"].ssl_context.check_hostname


def test_a_password_stands_in_no_text_that_is_printed() -> None:
    connection = Connection(("one:9092",), "", Security("SASL_PLAINTEXT", username="tocsin", password="s3cret"))
    assert "s3cret" not in f"{connection} {connection!r} {connection.faust()}"


def test_without_settings_there_is_no_security() -> None:
    assert kafka_settings({}) == KafkaSettings()
    said = kafka_settings({}).connection("kafka://one:9092").aiokafka()
    assert said == {"bootstrap_servers": ["one:9092"], "client_id": "tocsin", "security_protocol": "PLAINTEXT"}
    assert kafka_settings({}).connection("kafka://one:9092").faust() == {"broker": "kafka://one:9092"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TOCSIN_KAFKA_SECURTY", "SSL", "TOCSIN_KAFKA_SECURTY: there is no such setting"),
        ("TOCSIN_KAFKA_SECURITY", "TLS", "TOCSIN_KAFKA_SECURITY: "),
        ("TOCSIN_KAFKA_REPLICATION", "three", "TOCSIN_KAFKA_REPLICATION: "),
    ],
)
def test_a_setting_that_says_nothing_is_an_error_and_not_a_default(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        kafka_settings({name: value})
