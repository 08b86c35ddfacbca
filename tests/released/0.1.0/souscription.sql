BEGIN TRANSACTION;
CREATE TABLE _platform_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_platform_migrations" VALUES(1,'outbox','2026-11-27 00:25:05',1,X'15938CBFB194E1551A851422CEBB37C28A0E18F69FE39D4630F27125A23C81C02E1A84DDE22AC6F8276F60885BE04F99',1315427);
INSERT INTO "_platform_migrations" VALUES(2,'consumer','2026-11-27 00:25:05',1,X'D5D6BEAE94A89FA71F9701D05B7DB45121E0C04D81BC40EE5F577C3B7C9F5891084DBDE1EF524D82110F9E07A718D3B1',2132270);
INSERT INTO "_platform_migrations" VALUES(3,'ledger','2026-11-27 00:25:05',1,X'5F5C19D66A243D99C20AC92E3952945203395BBC97F1B2C3525484622A45B8A860BBBD4140A72AE361B32742ADF4706C',1458496);
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'contrat','2026-11-27 00:25:05',1,X'08BE1139837E93C49E645205D3A24DAF382DD84ACADC57CFFE82A53A800F458D53150231B836A2435B4F13E67FBAA5ED',5814277);
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
INSERT INTO "consumer_offset" VALUES(1,'quotation.devis-genere',1,1);
INSERT INTO "consumer_offset" VALUES(2,'quotation.devis-genere',0,1);
INSERT INTO "consumer_offset" VALUES(3,'quotation.devis-genere',2,2);
INSERT INTO "consumer_offset" VALUES(4,'quotation.devis-expire',2,1);
CREATE TABLE contrat (
    row_id     INTEGER PRIMARY KEY,
    contrat_id BLOB    NOT NULL UNIQUE,
    devis_id   BLOB    NOT NULL UNIQUE, -- a quote becomes one contract
    client_id  TEXT    NOT NULL,
    type_bien  TEXT    NOT NULL,
    prime      INTEGER NOT NULL, -- cents
    date_effet INTEGER NOT NULL, -- milliseconds since 1970
    date_fin   INTEGER NOT NULL, -- milliseconds since 1970
    statut     TEXT    NOT NULL,
    version    INTEGER NOT NULL  -- events of this contract so far
) STRICT;
INSERT INTO "contrat" VALUES(1,X'01A21A643CD874A49EC5D9D69406EA3F',X'01A21A6439E77534903DEAAA4665804B','C001','AUTO',50000,1795739106519,1827275106519,'ACTIF',1);
INSERT INTO "contrat" VALUES(2,X'01A21A643CE2716092BC76E08BB1E9A9',X'01A21A6439F57676B659702AE8E64C48','C001','HABITATION',185185,1795739106529,1827275106529,'RESILIE',2);
INSERT INTO "contrat" VALUES(3,X'01A21A643CEB77AEB65270D811329DD6',X'01A21A643A0D7566B87CF798295DF0C2','C001','AUTRE',0,1795739106537,1827275106537,'SUSPENDU',2);
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
    client_id       TEXT,
    type_bien       TEXT,
    prime           INTEGER, -- cents
    date_expiration INTEGER, -- milliseconds since 1970
    expire          INTEGER NOT NULL DEFAULT 0, -- 1: DevisExpire was heard
    contrat_id      BLOB     -- the contract that it became
) STRICT;
INSERT INTO "devis" VALUES(1,X'01A21A6439E77534903DEAAA4665804B','C001','AUTO',50000,1795739115767,0,X'01A21A643CD874A49EC5D9D69406EA3F');
INSERT INTO "devis" VALUES(2,X'01A21A6439F57676B659702AE8E64C48','C001','HABITATION',185185,1795739115781,0,X'01A21A643CE2716092BC76E08BB1E9A9');
INSERT INTO "devis" VALUES(3,X'01A21A643A0D7566B87CF798295DF0C2','C001','AUTRE',0,1795739115805,0,X'01A21A643CEB77AEB65270D811329DD6');
INSERT INTO "devis" VALUES(4,X'01A21A643A2472EE90BA721E698E1997','C001','AUTO',160000,1795739115828,1,NULL);
CREATE TABLE inbox (
    event_id  BLOB    PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES consumer_offset (id),
    offset    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "inbox" VALUES(X'01A21A6439E77534903DEAABE5CAFB8A',1,0);
INSERT INTO "inbox" VALUES(X'01A21A6439F57676B659702B232920C7',2,0);
INSERT INTO "inbox" VALUES(X'01A21A643A0D7566B87CF799C3B2913E',3,0);
INSERT INTO "inbox" VALUES(X'01A21A643A2472EE90BA721F7BCD31B4',3,1);
INSERT INTO "inbox" VALUES(X'01A21A64649C7324A25EB5A6F7A15677',4,0);
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
INSERT INTO "ledger_block" VALUES(1,'applied',0,X'1E00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO "ledger_block" VALUES(2,'applied',0,X'0200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE ledger_last (
    stream    INTEGER NOT NULL REFERENCES ledger_stream (id),
    partition INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger_last" VALUES(1,0,2);
INSERT INTO "ledger_last" VALUES(1,1,1);
INSERT INTO "ledger_last" VALUES(1,2,4);
INSERT INTO "ledger_last" VALUES(2,2,1);
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
INSERT INTO "ledger_stream" VALUES(1,'/edalab/released/quotation','quotation.devis-genere',0,0);
INSERT INTO "ledger_stream" VALUES(2,'/edalab/released/quotation','quotation.devis-expire',0,0);
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
INSERT INTO "outbox" VALUES(1,X'01A21A643CD874A49EC5D9D7D6AD4734','com.kafkaedalab.souscription.ContratEmis','souscription.contrat-emis','01a21a64-3cd8-74a4-9ec5-d9d69406ea3f',3,1795739106519,'00-aeab0cf106dd591c0a0dc8acb86123db-92015de98e7001e5-01',X'4830316132316136342D336364382D373461342D396563352D6439643639343036656133664830316132316136342D333965372D373533342D393033642D6561616134363635383034620843303031000600C350AEF3A1A6C368AEA3ABA1AE6AAEF3A1A6C36802',1);
INSERT INTO "outbox" VALUES(2,X'01A21A643CE2716092BC76E174C56EA8','com.kafkaedalab.souscription.ContratEmis','souscription.contrat-emis','01a21a64-3ce2-7160-92bc-76e08bb1e9a9',3,1795739106529,'00-ab3697873671b159bd0f547f29904c52-855d8bcb776679aa-01',X'4830316132316136342D336365322D373136302D393262632D3736653038626231653961394830316132316136342D333966352D373637362D623635392D3730326165386536346334380843303031020602D361C2F3A1A6C368C2A3ABA1AE6AC2F3A1A6C36802',2);
INSERT INTO "outbox" VALUES(3,X'01A21A643CEE741F8016189FF3EE31F8','com.kafkaedalab.souscription.ContratEmis','souscription.contrat-emis','01a21a64-3ceb-77ae-b652-70d811329dd6',3,1795739106537,'00-b9c63f211ddb3686693e98a824bb0a6f-5540a9a95edca60a-01',X'4830316132316136342D336365622D373761652D623635322D3730643831313332396464364830316132316136342D336130642D373536362D623837632D6637393832393564663063320843303031040200D2F3A1A6C368D2A3ABA1AE6AD2F3A1A6C36802',3);
INSERT INTO "outbox" VALUES(4,X'01A21A643CFA7451B95EBCA41FAA90BE','com.kafkaedalab.souscription.ContratModifie','souscription.contrat-modifie','01a21a64-3ceb-77ae-b652-70d811329dd6',4,1795739106552,'00-53abee8654067860454a4b3c38857da4-03d9786f7deb9a9d-01',X'4830316132316136342D336365622D373761652D623635322D373064383131333239646436040E696D706179C3A9F0F3A1A6C36804',1);
INSERT INTO "outbox" VALUES(5,X'01A21A643CFF728999AD258F9EA0ACEC','com.kafkaedalab.souscription.ContratResilie','souscription.contrat-resilie','01a21a64-3ce2-7160-92bc-76e08bb1e9a9',5,1795739106558,'00-1a109e2fce2105795080938c23be7df6-89285d2b74cc9e1a-01',X'4830316132316136342D336365322D373136302D393262632D3736653038626231653961390A76656E7465FCF3A1A6C368FCF3A1A6C36804',1);
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
INSERT INTO "outbox_topic" VALUES('quotation.devis-expire',0);
INSERT INTO "outbox_topic" VALUES('quotation.devis-genere',0);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-emis',3);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-modifie',1);
INSERT INTO "outbox_topic" VALUES('souscription.contrat-resilie',1);
CREATE TABLE probe (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    passes   INTEGER NOT NULL
) STRICT;
INSERT INTO "probe" VALUES(1,1);
CREATE TRIGGER outbox_numbered AFTER INSERT ON outbox BEGIN
    UPDATE outbox_topic SET last = NEW.topic_seq WHERE topic = NEW.topic;
END;
CREATE INDEX inbox_by_offset ON inbox (partition, offset);
CREATE INDEX contrat_by_client ON contrat (client_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',5);
COMMIT;
