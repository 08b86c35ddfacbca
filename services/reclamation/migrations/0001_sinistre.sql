-- Contracts that were heard of. Their events lie on three topics and come in any order, so each column holds what the
-- newest event said that tells of it, with that event's version where several can.
CREATE TABLE contrat (
    row_id           INTEGER PRIMARY KEY,
    contrat_id       BLOB    NOT NULL UNIQUE,
    client_id        TEXT,    -- these two by ContratEmis
    date_effet       INTEGER, -- milliseconds since 1970
    date_fin         INTEGER, -- milliseconds since 1970
    date_fin_version INTEGER NOT NULL DEFAULT 0,
    suspendu         INTEGER NOT NULL DEFAULT 0, -- 1: the cover rests
    suspendu_version INTEGER NOT NULL DEFAULT 0,
    resilie          INTEGER NOT NULL DEFAULT 0  -- 1: it was ended
) STRICT;

CREATE TABLE sinistre (
    row_id           INTEGER PRIMARY KEY,
    sinistre_id      BLOB    NOT NULL UNIQUE,
    contrat_id       BLOB    NOT NULL,
    client_id        TEXT    NOT NULL,
    type_sinistre    TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    date_survenance  INTEGER NOT NULL, -- milliseconds since 1970
    date_declaration INTEGER NOT NULL, -- milliseconds since 1970
    montant_estime   INTEGER NOT NULL, -- cents
    montant_evalue   INTEGER,          -- cents; from EVALUE or REJETE on
    motif            TEXT,             -- of the evaluation
    statut           TEXT    NOT NULL,
    version          INTEGER NOT NULL  -- events of this claim so far
) STRICT;

-- A client's claims, newest first; SQLite keeps row_id in every index.
CREATE INDEX sinistre_by_client ON sinistre (client_id);

-- A claim is paid once.
CREATE TABLE indemnisation (
    row_id            INTEGER PRIMARY KEY,
    indemnisation_id  BLOB    NOT NULL UNIQUE,
    sinistre_id       BLOB    NOT NULL UNIQUE,
    montant           INTEGER NOT NULL, -- cents
    date_paiement     INTEGER NOT NULL  -- milliseconds since 1970
) STRICT;
