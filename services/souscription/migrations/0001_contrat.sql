-- Quotes that were heard of. What DevisGenere says is missing where DevisExpire came first: they lie on two topics.
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

-- A client's contracts, newest first; SQLite keeps row_id in every index.
CREATE INDEX contrat_by_client ON contrat (client_id);
