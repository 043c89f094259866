-- The copy of the ledger that boards read. Everything here can be deleted and made again.
-- Each key ends with what makes a row unique, so that a row written twice is one row (reads use LIMIT 1 BY).
-- fsync: findings are durable before the facts that they follow from, even if the power fails between the two.
-- Granules are small: a panel reads some hundred rows of one kind, and every past cut as cheaply as the newest.
-- Deduplication: a batch that is sent again because nobody knows whether it arrived is not kept twice.

CREATE TABLE IF NOT EXISTS facts
(
    trial       LowCardinality(String),
    position    UInt64,
    recorded    DateTime64(6, 'UTC'),
    occurred    DateTime64(6, 'UTC'),
    type        LowCardinality(String),
    fact        LowCardinality(String),
    family      LowCardinality(String),
    source      LowCardinality(String),
    record      String,
    revision    UInt32,
    participant String,
    data        String
)
ENGINE = ReplacingMergeTree
ORDER BY (trial, position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    index_granularity = 1024;

-- Every change of every finding; `valid_from` is last in the key, or merging would forget the history.
CREATE TABLE IF NOT EXISTS findings
(
    trial       LowCardinality(String),
    kind        LowCardinality(String),
    key         String,
    valid_from  UInt64,
    state       LowCardinality(String),
    rule        LowCardinality(String),
    version     LowCardinality(String),
    participant String,
    scope       LowCardinality(String),
    term        LowCardinality(String),
    basis       LowCardinality(String),
    happened    String,
    grade       Nullable(UInt8),
    low         Nullable(UInt8),
    high        Nullable(UInt8),
    causes      Array(String),
    sentence    String,
    body        String
)
ENGINE = ReplacingMergeTree
ORDER BY (trial, kind, key, valid_from)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    index_granularity = 1024;

CREATE TABLE IF NOT EXISTS quarantine
(
    number   UInt64,
    received DateTime64(6, 'UTC'),
    address  String,
    path     String,
    message  String,
    digest   String,
    trial    String,
    source   String
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;
