-- Quotes. The table is keyed by a rising integer, so that inserts go to its end; the public id, a UUIDv7, rises too.
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

-- A client's quotes, newest first; SQLite keeps row_id in every index.
CREATE INDEX devis_by_client ON devis (client_id);

-- What the sweeper looks for: it stays as small as the number of valid quotes.
CREATE INDEX devis_by_expiration ON devis (date_expiration) WHERE statut = 'GENERE';
