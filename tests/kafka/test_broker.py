"""Is the broker of the tests a real one, and do its clients keep to themselves what passes through them?"""

import asyncio
import logging

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as Place
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.topics import LEDGER
from streams.kafka.connection import Connection
from streams.kafka.log import Log
from streams.kafka.records import LedgerRecord, Outgoing, RecordKey
from streams.kafka.writer import Writer


def test_a_record_comes_back_from_the_broker_as_it_was_sent(kafka: Connection) -> None:
    written = LedgerRecord.of("T-1", b"{}", b"d" * 32, b"raw", RecordKey.draw())
    sent = written.outgoing(2)
    with KafkaProducer(**kafka.kafka_python()) as producer:
        told = producer.send(
            kafka.topic(LEDGER), key=sent.key, value=sent.value, headers=sent.headers, partition=sent.partition
        ).get(timeout=30)
    with KafkaConsumer(**kafka.kafka_python(), group_id=None) as consumer:
        place = TopicPartition(kafka.topic(LEDGER), 2)
        consumer.assign([place])
        consumer.seek_to_beginning()
        record = next(consumer)
    assert (record.partition, record.offset) == (told.partition, told.offset) == (2, 0)
    assert LedgerRecord.read(record) == written


def test_no_client_writes_what_a_message_says_into_a_log(kafka: Connection, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything else is logged to the last detail."""
    sent = LedgerRecord.of("T-1", b"Mrs Smith", b"Mr Jones", b"raw", RecordKey.draw()).outgoing(0)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("tests").debug("this is logged")
        with Writer(kafka) as writer:
            writer.send([sent])
        log = Log(kafka)
        assert [record.value for record in log.read(LEDGER, 0, 0, 1)] == [b"Mrs Smith"]
        log.close()
        asyncio.run(_by_aiokafka(kafka, sent))
    assert "this is logged" in caplog.text
    assert "Mrs Smith" not in caplog.text
    assert "Mr Jones" not in caplog.text


async def _by_aiokafka(connection: Connection, sent: Outgoing) -> None:
    name = connection.topic(LEDGER)
    async with AIOKafkaProducer(**connection.aiokafka()) as producer:
        await producer.send_and_wait(name, sent.value, partition=0, headers=sent.headers)
    async with AIOKafkaConsumer(**connection.aiokafka()) as consumer:
        consumer.assign([Place(name, 0)])
        consumer.seek(Place(name, 0), 1)
        assert (await consumer.getone()).value == b"Mrs Smith"
