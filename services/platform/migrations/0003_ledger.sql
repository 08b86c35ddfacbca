-- What became of the events that were heard: for each source and topic, the numbers that had their effect, and those that
-- became dead letters. Written in the effects' own transactions.
CREATE TABLE ledger_stream (
    id           INTEGER PRIMARY KEY,
    source       TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    twice        INTEGER NOT NULL DEFAULT 0,
    out_of_order INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source, topic)
) STRICT;

-- Those numbers, 4,096 in a row: an event more changes one row, and not the ranges that it makes.
CREATE TABLE ledger_block (
    stream INTEGER NOT NULL REFERENCES ledger_stream (id),
    kind   TEXT    NOT NULL, -- applied, buried
    block  INTEGER NOT NULL, -- number / 4096
    bits   BLOB    NOT NULL, -- lowest bit of the first byte first; empty: all of them
    PRIMARY KEY (stream, kind, block)
) STRICT, WITHOUT ROWID;

-- The highest number that was dealt with on each partition.
CREATE TABLE ledger_last (
    stream    INTEGER NOT NULL REFERENCES ledger_stream (id),
    partition INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;

-- The first effects that happened twice or out of order.
CREATE TABLE ledger_anomaly (
    id        INTEGER PRIMARY KEY,
    stream    INTEGER NOT NULL REFERENCES ledger_stream (id),
    kind      TEXT    NOT NULL, -- twice, outOfOrder
    number    INTEGER NOT NULL,
    event_id  TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    offset    INTEGER NOT NULL
) STRICT;

-- Offsets of the records that became dead letters: not all of those say which event they are.
CREATE TABLE ledger_letter (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, first)
) STRICT, WITHOUT ROWID;

-- Events with an effect and without a place above.
CREATE TABLE ledger_untracked (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    events   INTEGER NOT NULL
) STRICT;

INSERT INTO ledger_untracked (only_row, events) VALUES (1, 0);
