-- Each event's number within its topic, so that whoever reads one topic alone can tell a gap from an end.
CREATE TABLE outbox_topic (
    topic TEXT    PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE outbox ADD COLUMN topic_seq INTEGER NOT NULL DEFAULT 0;

UPDATE outbox SET topic_seq = numbered.number
FROM (SELECT seq, ROW_NUMBER() OVER (PARTITION BY topic ORDER BY seq) AS number FROM outbox) AS numbered
WHERE numbered.seq = outbox.seq;

INSERT INTO outbox_topic (topic, last) SELECT topic, MAX(topic_seq) FROM outbox GROUP BY topic;

CREATE TRIGGER outbox_numbered AFTER INSERT ON outbox BEGIN
    UPDATE outbox_topic SET last = NEW.topic_seq WHERE topic = NEW.topic;
END;

-- Records that could not be read or applied, on their way to dlq.errors, byte for byte. A letter goes when the broker
-- has confirmed it.
CREATE TABLE dead_letter (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    bytes INTEGER NOT NULL, -- of all of it, headers included
    key   BLOB,
    value BLOB
) STRICT;

CREATE TABLE dead_letter_header (
    letter   INTEGER NOT NULL REFERENCES dead_letter (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    value    BLOB,
    PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;

-- The Kafka cluster that the offsets below belong to.
CREATE TABLE consumer_cluster (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    cluster_id TEXT    NOT NULL
) STRICT;

-- How far this service has come: the effects of every record before next_offset are in this database, or its letter
-- is. Kafka's own committed offsets are for observers only.
CREATE TABLE consumer_offset (
    id          INTEGER PRIMARY KEY,
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    UNIQUE (topic, partition)
) STRICT;

-- Events whose effects are in this database, and the record that brought each. An event comes in a second record where
-- its service was killed before it knew of the first.
CREATE TABLE inbox (
    event_id  BLOB    PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES consumer_offset (id),
    offset    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For removing what is far behind.
CREATE INDEX inbox_by_offset ON inbox (partition, offset);
