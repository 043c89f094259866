-- How far the copy of a ledger on Kafka has come: the first offset of each topic and partition that is not in the store.
-- The highest stands: of two who write the same, none takes back what the other one wrote.
-- origin: the broker's own name of the ledger. A store holds the copy of one ledger.

CREATE TABLE IF NOT EXISTS progress
(
    origin    String,
    topic     LowCardinality(String),
    number    UInt32,
    next      UInt64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (origin, topic, number)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
