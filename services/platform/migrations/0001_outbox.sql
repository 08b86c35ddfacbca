-- Schemas that outbox rows were written with. A row keeps naming the schema it was encoded by, so that a service
-- that is upgraded with rows waiting publishes them under the right schema id.
CREATE TABLE outbox_schema (
    id      INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    schema  TEXT NOT NULL,
    UNIQUE (subject, schema)
) STRICT;

-- Events that were made true and are to be published, in order. seq is the event's ce_sequence: AUTOINCREMENT
-- never gives a number twice, and a rolled-back insert gives its number back, so numbers are dense.
CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    BLOB    NOT NULL,
    event_type  TEXT    NOT NULL,
    topic       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    schema_id   INTEGER NOT NULL REFERENCES outbox_schema (id),
    occurred_at INTEGER NOT NULL, -- milliseconds since 1970
    traceparent TEXT,
    body        BLOB    NOT NULL  -- Avro, without the wire format's header
) STRICT;

-- How far the relay has come: every row up to confirmed is on its topic.
CREATE TABLE outbox_relay (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    confirmed INTEGER NOT NULL
) STRICT;

INSERT INTO outbox_relay (only_row, confirmed) VALUES (1, 0);

-- Written by the readiness probe, to see that the database takes writes.
CREATE TABLE probe (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    passes   INTEGER NOT NULL
) STRICT;

INSERT INTO probe (only_row, passes) VALUES (1, 0);
