"""Is the broker of the tests a real one?"""

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.topics import LEDGER
from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, RecordKey


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
