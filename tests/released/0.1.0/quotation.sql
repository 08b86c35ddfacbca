BEGIN TRANSACTION;
CREATE TABLE _platform_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_platform_migrations" VALUES(1,'outbox','2026-11-27 00:25:05',1,X'15938CBFB194E1551A851422CEBB37C28A0E18F69FE39D4630F27125A23C81C02E1A84DDE22AC6F8276F60885BE04F99',1384206);
INSERT INTO "_platform_migrations" VALUES(2,'consumer','2026-11-27 00:25:05',1,X'D5D6BEAE94A89FA71F9701D05B7DB45121E0C04D81BC40EE5F577C3B7C9F5891084DBDE1EF524D82110F9E07A718D3B1',2552127);
INSERT INTO "_platform_migrations" VALUES(3,'ledger','2026-11-27 00:25:05',1,X'5F5C19D66A243D99C20AC92E3952945203395BBC97F1B2C3525484622A45B8A860BBBD4140A72AE361B32742ADF4706C',1478765);
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'devis','2026-11-27 00:25:05',1,X'B079097B643584609EBA455ECC2471EA2829C2610548E073CA063B20032FCD89BE7D992F4399ED136980FAE3E2BE82DB',1246698);
CREATE TABLE consumer_cluster (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    cluster_id TEXT    NOT NULL
) STRICT;
INSERT INTO "consumer_cluster" VALUES(1,'HlVL5d7YQWiBDsGpcmkUuQ');
CREATE TABLE consumer_offset (
    id          INTEGER PRIMARY KEY,
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    UNIQUE (topic, partition)
) STRICT;
INSERT INTO "consumer_offset" VALUES(1,'souscription.contrat-emis',0,1);
INSERT INTO "consumer_offset" VALUES(2,'souscription.contrat-emis',1,2);
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
CREATE TABLE devis (
    row_id          INTEGER PRIMARY KEY,
    devis_id        BLOB    NOT NULL UNIQUE,
    client_id       TEXT    NOT NULL,
    type_bien       TEXT    NOT NULL,
    valeur          INTEGER NOT NULL, -- cents
    prime           INTEGER NOT NULL, -- cents
    date_creation   INTEGER NOT NULL, -- milliseconds since 1970
    date_expiration INTEGER NOT NULL, -- milliseconds since 1970
    statut          TEXT    NOT NULL,
    version         INTEGER NOT NULL  -- events of this quote so far
) STRICT;
INSERT INTO "devis" VALUES(1,X'01A21A6439E77534903DEAAA4665804B','C001','AUTO',2500000,50000,1795739105767,1795739115767,'CONVERTI',1);
INSERT INTO "devis" VALUES(2,X'01A21A6439F57676B659702AE8E64C48','C001','HABITATION',12345678,185185,1795739105781,1795739115781,'CONVERTI',1);
INSERT INTO "devis" VALUES(3,X'01A21A643A0D7566B87CF798295DF0C2','C001','AUTRE',1,0,1795739105805,1795739115805,'CONVERTI',1);
INSERT INTO "devis" VALUES(4,X'01A21A643A2472EE90BA721E698E1997','C001','AUTO',8000000,160000,1795739105828,1795739115828,'EXPIRE',2);
INSERT INTO "devis" VALUES(5,X'01A21A6467E87168A24D649F317A14F7','C001','AUTO',500000,10000,1795739117544,2111099117544,'GENERE',1);
INSERT INTO "devis" VALUES(6,X'01A21A6467F0749C89692B2792AB5CE6','C001','AUTO',500000,10000,1795739117552,2111099117552,'GENERE',1);
INSERT INTO "devis" VALUES(7,X'01A21A6467F7762D9E8E47620C276DEE','C001','AUTO',500000,10000,1795739117559,2111099117559,'GENERE',1);
CREATE TABLE inbox (
    event_id  BLOB    PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES consumer_offset (id),
    offset    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "inbox" VALUES(X'01A21A643CD874A49EC5D9D7D6AD4734',1,0);
INSERT INTO "inbox" VALUES(X'01A21A643CE2716092BC76E174C56EA8',2,0);
INSERT INTO "inbox" VALUES(X'01A21A643CEE741F8016189FF3EE31F8',2,1);
CREATE TABLE ledger_anomaly (
    id        INTEGER PRIMARY KEY,
    stream    INTEGER NOT NULL REFERENCES ledger_stream (id),
    kind      TEXT    NOT NULL, -- twice, outOfOrder
    number    INTEGER NOT NULL,
    event_id  TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    offset    INTEGER NOT NULL
) STRICT;
CREATE TABLE ledger_block (
    stream INTEGER NOT NULL REFERENCES ledger_stream (id),
    kind   TEXT    NOT NULL, -- applied, buried
    block  INTEGER NOT NULL, -- number / 4096
    bits   BLOB    NOT NULL, -- lowest bit of the first byte first; empty: all of them
    PRIMARY KEY (stream, kind, block)
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger_block" VALUES(1,'applied',0,X'0E00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE ledger_last (
    stream    INTEGER NOT NULL REFERENCES ledger_stream (id),
    partition INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger_last" VALUES(1,0,1);
INSERT INTO "ledger_last" VALUES(1,1,3);
CREATE TABLE ledger_letter (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_stream (
    id           INTEGER PRIMARY KEY,
    source       TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    twice        INTEGER NOT NULL DEFAULT 0,
    out_of_order INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source, topic)
) STRICT;
INSERT INTO "ledger_stream" VALUES(1,'/edalab/released/souscription','souscription.contrat-emis',0,0);
CREATE TABLE ledger_untracked (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    events   INTEGER NOT NULL
) STRICT;
INSERT INTO "ledger_untracked" VALUES(1,0);
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
, topic_seq INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "outbox" VALUES(1,X'01A21A6439E77534903DEAABE5CAFB8A','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-39e7-7534-903d-eaaa4665804b',1,1795739105767,'00-a40d4bb2d56742caf323efef201e6b1d-51c001c220b0dfe2-01',X'4830316132316136342D333965372D373533342D393033642D656161613436363538303462084330303100062625A00600C350CEE7A1A6C368EE83A3A6C36802',1);
INSERT INTO "outbox" VALUES(2,X'01A21A6439F57676B659702B232920C7','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-39f5-7676-b659-702ae8e64c48',1,1795739105781,'00-0b53042f4decf948656c19e5a7b6d9d9-2a5d219779141eb6-01',X'4830316132316136342D333966352D373637362D623635392D3730326165386536346334380843303031020800BC614E0602D361EAE7A1A6C3688A84A3A6C36802',2);
INSERT INTO "outbox" VALUES(3,X'01A21A643A0D7566B87CF799C3B2913E','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-3a0d-7566-b87c-f798295df0c2',1,1795739105805,'00-7a31ac6be943684e52c4a7e61e495d92-7369b470214f73bd-01',X'4830316132316136342D336130642D373536362D623837632D663739383239356466306332084330303104020102009AE8A1A6C368BA84A3A6C36802',3);
INSERT INTO "outbox" VALUES(4,X'01A21A643A2472EE90BA721F7BCD31B4','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-3a24-72ee-90ba-721e698e1997',1,1795739105828,'00-2c414cc21ed1523a895f4bd09321f647-09d9c4f58929ffbe-01',X'4830316132316136342D336132342D373265652D393062612D373231653639386531393937084330303100067A120006027100C8E8A1A6C368E884A3A6C36802',4);
INSERT INTO "outbox" VALUES(5,X'01A21A64649C7324A25EB5A6F7A15677','com.kafkaedalab.quotation.DevisExpire','quotation.devis-expire','01a21a64-3a24-72ee-90ba-721e698e1997',2,1795739116695,'00-8bbe9c7193e20c5ef4c1685716ebf5f7-5f8bf17ec7419d03-01',X'4830316132316136342D336132342D373265652D393062612D373231653639386531393937E884A3A6C368AE92A3A6C36804',1);
INSERT INTO "outbox" VALUES(6,X'01A21A6467E87168A24D64A0FF4796C1','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-67e8-7168-a24d-649f317a14f7',1,1795739117544,'00-5a356f202014171d470cb732533b02d3-b819c8c0864f9f3a-01',X'4830316132316136342D363765382D373136382D613234642D3634396633313761313466370843303031000607A120042710D09FA3A6C368D0FF80F5F07A02',5);
INSERT INTO "outbox" VALUES(7,X'01A21A6467F0749C89692B28533CD475','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-67f0-749c-8969-2b2792ab5ce6',1,1795739117552,'00-f4743787a7507d6b8e329e12a769c638-5b084f7c1874cce6-01',X'4830316132316136342D363766302D373439632D383936392D3262323739326162356365360843303031000607A120042710E09FA3A6C368E0FF80F5F07A02',6);
INSERT INTO "outbox" VALUES(8,X'01A21A6467F7762D9E8E4763A32ED578','com.kafkaedalab.quotation.DevisGenere','quotation.devis-genere','01a21a64-67f7-762d-9e8e-47620c276dee',1,1795739117559,'00-a38f05a578335dfb4af2dc63b8079db5-5e5c668e01771b95-01',X'4830316132316136342D363766372D373632642D396538652D3437363230633237366465650843303031000607A120042710EE9FA3A6C368EEFF80F5F07A02',7);
CREATE TABLE outbox_relay (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    confirmed INTEGER NOT NULL
) STRICT;
INSERT INTO "outbox_relay" VALUES(1,5);
CREATE TABLE outbox_schema (
    id      INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    schema  TEXT NOT NULL,
    UNIQUE (subject, schema)
) STRICT;
INSERT INTO "outbox_schema" VALUES(1,'quotation.devis-genere-value','{
  "type": "record",
  "name": "DevisGenere",
  "namespace": "com.kafkaedalab.quotation",
  "doc": "A quote was made for a client. Aggregate: the devis; key: devisId.",
  "fields": [
    {
      "name": "devisId",
      "type": "string",
      "doc": "UUIDv7 of the quote, lower case with hyphens."
    },
    {
      "name": "clientId",
      "type": "string",
      "doc": "The client who asked."
    },
    {
      "name": "typeBien",
      "type": {
        "type": "enum",
        "name": "TypeBien",
        "doc": "What is insured. A symbol that a reader does not know is read as AUTRE.",
        "symbols": ["AUTO", "HABITATION", "AUTRE"],
        "default": "AUTRE"
      },
      "doc": "What is insured; it sets the premium''s rate."
    },
    {
      "name": "valeur",
      "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
      "doc": "Value of the insured good."
    },
    {
      "name": "prime",
      "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
      "doc": "Premium: a share of valeur, rounded half up to the cent."
    },
    {
      "name": "timestamp",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "When the quote was made."
    },
    {
      "name": "dateExpiration",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "From this instant on the quote is no longer valid."
    },
    {
      "name": "version",
      "type": "long",
      "doc": "Version of the aggregate after this event: 1 for its first one, rising by one."
    }
  ]
}
');
INSERT INTO "outbox_schema" VALUES(2,'quotation.devis-expire-value','{
  "type": "record",
  "name": "DevisExpire",
  "namespace": "com.kafkaedalab.quotation",
  "doc": "A quote passed its validity without becoming a contract. Aggregate: the devis; key: devisId.",
  "fields": [
    {
      "name": "devisId",
      "type": "string",
      "doc": "UUIDv7 of the quote, lower case with hyphens."
    },
    {
      "name": "dateExpiration",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "The end of validity that was announced in DevisGenere."
    },
    {
      "name": "timestamp",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "When the service found the quote expired."
    },
    {
      "name": "version",
      "type": "long",
      "doc": "Version of the aggregate after this event: 1 for its first one, rising by one."
    }
  ]
}
');
INSERT INTO "outbox_schema" VALUES(3,'souscription.contrat-emis-value','{
  "type": "record",
  "name": "ContratEmis",
  "namespace": "com.kafkaedalab.souscription",
  "doc": "A quote was accepted and became a contract. Aggregate: the contrat; key: contratId.",
  "fields": [
    {
      "name": "contratId",
      "type": "string",
      "doc": "UUIDv7 of the contract, lower case with hyphens."
    },
    {
      "name": "devisId",
      "type": "string",
      "doc": "UUIDv7 of the quote that became this contract, lower case with hyphens."
    },
    {
      "name": "clientId",
      "type": "string",
      "doc": "The client who is insured."
    },
    {
      "name": "typeBien",
      "type": {
        "type": "enum",
        "name": "TypeBien",
        "doc": "What is insured. A symbol that a reader does not know is read as AUTRE.",
        "symbols": ["AUTO", "HABITATION", "AUTRE"],
        "default": "AUTRE"
      },
      "doc": "What is insured, as in the quote."
    },
    {
      "name": "prime",
      "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
      "doc": "Premium, as in the quote."
    },
    {
      "name": "dateEffet",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "From this instant on the cover holds."
    },
    {
      "name": "dateFin",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "From this instant on the cover no longer holds."
    },
    {
      "name": "timestamp",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "When the contract was made."
    },
    {
      "name": "version",
      "type": "long",
      "doc": "Version of the aggregate after this event: 1 for its first one, rising by one."
    }
  ]
}
');
INSERT INTO "outbox_schema" VALUES(4,'souscription.contrat-modifie-value','{
  "type": "record",
  "name": "ContratModifie",
  "namespace": "com.kafkaedalab.souscription",
  "doc": "A contract was changed: its premium, its end, or whether its cover is suspended. Aggregate: the contrat; key: contratId.",
  "fields": [
    {
      "name": "contratId",
      "type": "string",
      "doc": "UUIDv7 of the contract, lower case with hyphens."
    },
    {
      "name": "modification",
      "type": {
        "type": "enum",
        "name": "Modification",
        "doc": "What changed. A symbol that a reader does not know is read as AUTRE.",
        "symbols": ["PRIME", "DATE_FIN", "SUSPENSION", "REPRISE", "AUTRE"],
        "default": "AUTRE"
      },
      "doc": "What changed; it says what nouvelleValeur means."
    },
    {
      "name": "nouvelleValeur",
      "type": "string",
      "doc": "PRIME: an amount such as 512.50. DATE_FIN: an instant in RFC 3339, such as 2027-01-31T00:00:00.000Z. SUSPENSION, REPRISE: the reason in words, which may be empty. AUTRE: not known to this schema."
    },
    {
      "name": "timestamp",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "When the contract was changed."
    },
    {
      "name": "version",
      "type": "long",
      "doc": "Version of the aggregate after this event: 1 for its first one, rising by one."
    }
  ]
}
');
INSERT INTO "outbox_schema" VALUES(5,'souscription.contrat-resilie-value','{
  "type": "record",
  "name": "ContratResilie",
  "namespace": "com.kafkaedalab.souscription",
  "doc": "A contract was ended before its dateFin. Aggregate: the contrat; key: contratId.",
  "fields": [
    {
      "name": "contratId",
      "type": "string",
      "doc": "UUIDv7 of the contract, lower case with hyphens."
    },
    {
      "name": "motif",
      "type": "string",
      "doc": "The reason in words, as it was given; may be empty."
    },
    {
      "name": "dateResiliation",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "From this instant on the cover no longer holds."
    },
    {
      "name": "timestamp",
      "type": {"type": "long", "logicalType": "timestamp-millis"},
      "doc": "When the contract was ended."
    },
    {
      "name": "version",
      "type": "long",
      "doc": "Version of the aggregate after this event: 1 for its first one, rising by one."
    }
  ]
}
');
CREATE TABLE outbox_topic (
    topic TEXT    PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "outbox_topic" VALUES('quotation.devis-expire',1);
INSERT INTO "outbox_topic" VALUES('quotation.devis-genere',7);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-emis',0);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-modifie',0);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-resilie',0);
CREATE TABLE probe (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    passes   INTEGER NOT NULL
) STRICT;
INSERT INTO "probe" VALUES(1,2);
CREATE TRIGGER outbox_numbered AFTER INSERT ON outbox BEGIN
    UPDATE outbox_topic SET last = NEW.topic_seq WHERE topic = NEW.topic;
END;
CREATE INDEX inbox_by_offset ON inbox (partition, offset);
CREATE INDEX devis_by_client ON devis (client_id);
CREATE INDEX devis_by_expiration ON devis (date_expiration) WHERE statut = 'GENERE';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',8);
COMMIT;
