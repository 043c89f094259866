-- The ledger of a home. Append-only by construction: every table of it refuses UPDATE and DELETE, and takes only what
-- follows on what it has, so that INSERT OR REPLACE cannot remove anything either. Only keys can be destroyed.

CREATE TABLE ledger (
    trial      TEXT    NOT NULL,
    position   INTEGER NOT NULL,   -- 1, 2, 3… within the trial
    recorded   INTEGER NOT NULL,   -- recordedtime in microseconds since 1970, UTC; never going backwards
    source     TEXT    NOT NULL,
    record     TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    subject    TEXT,
    digest     BLOB    NOT NULL,   -- SHA-256 of what the fact says: tells a duplicate from a conflict
    raw_digest BLOB    NOT NULL,   -- salted SHA-256 of the message as it came
    key        INTEGER NOT NULL,   -- the number of the record's key
    canonical  BLOB    NOT NULL,   -- the fact, free text as commitments
    sealed     BLOB    NOT NULL,   -- the message as it came, encrypted under the record's key
    PRIMARY KEY (trial, position)
) STRICT;

CREATE TRIGGER ledger_is_contiguous BEFORE INSERT ON ledger
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM ledger WHERE trial = NEW.trial)
    OR EXISTS (SELECT 1 FROM ledger WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a fact is appended at the next position of its trial'); END;

CREATE TRIGGER ledger_is_never_edited BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'a fact is never edited: a correction is a new fact'); END;

CREATE TRIGGER ledger_is_never_deleted BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'a fact is never deleted'); END;

CREATE TABLE published (
    trial    TEXT    NOT NULL,
    position INTEGER NOT NULL,     -- of the fact that caused the change
    ordinal  INTEGER NOT NULL,     -- 0, 1, 2… within the position
    body     BLOB    NOT NULL,     -- the canonical bytes of the change
    PRIMARY KEY (trial, position, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER published_is_in_order BEFORE INSERT ON published
WHEN (NEW.position, NEW.ordinal) <= (
    SELECT position, ordinal FROM published WHERE trial = NEW.trial ORDER BY position DESC, ordinal DESC LIMIT 1
)
BEGIN SELECT RAISE(ABORT, 'a change is published after those before it'); END;

CREATE TRIGGER published_is_never_edited BEFORE UPDATE ON published
BEGIN SELECT RAISE(ABORT, 'what was published is never edited'); END;

CREATE TRIGGER published_is_never_deleted BEFORE DELETE ON published
BEGIN SELECT RAISE(ABORT, 'what was published is never deleted'); END;

CREATE TABLE quarantine (
    number   INTEGER PRIMARY KEY,  -- 1, 2, 3…
    received INTEGER NOT NULL,     -- microseconds since 1970, UTC
    address  TEXT    NOT NULL,     -- file and line, or topic, partition and offset
    trial    TEXT,                 -- what the message claims, where that can be read
    source   TEXT,
    digest   BLOB    NOT NULL,     -- SHA-256 of the message
    path     TEXT    NOT NULL,     -- of the field at fault
    message  TEXT    NOT NULL,     -- why it is no fact
    key      INTEGER NOT NULL,
    sealed   BLOB    NOT NULL,     -- the message as it came, encrypted under a key of its own
    UNIQUE (address, digest)
) STRICT;

CREATE TRIGGER quarantine_is_contiguous BEFORE INSERT ON quarantine
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM quarantine)
    OR EXISTS (SELECT 1 FROM quarantine WHERE address = NEW.address AND digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'a message enters quarantine once, under the next number'); END;

CREATE TRIGGER quarantine_is_never_edited BEFORE UPDATE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantine is never edited'); END;

CREATE TRIGGER quarantine_is_never_deleted BEFORE DELETE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantine is never deleted'); END;

CREATE TABLE keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again, also when the key is destroyed
    key    BLOB NOT NULL
) STRICT;

CREATE TRIGGER keys_are_never_edited BEFORE UPDATE ON keys
BEGIN SELECT RAISE(ABORT, 'a key is never edited, only destroyed'); END;

CREATE TABLE marks (
    trial    TEXT    NOT NULL,
    name     TEXT    NOT NULL,     -- whose progress
    position INTEGER NOT NULL,     -- everything up to here is done
    PRIMARY KEY (trial, name)
) STRICT, WITHOUT ROWID;
