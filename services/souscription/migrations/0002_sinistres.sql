-- What was heard of a contract's claims: how many there are, how many of them were rejected, and what was paid in all.
ALTER TABLE contrat ADD COLUMN sinistres INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contrat ADD COLUMN sinistres_rejetes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contrat ADD COLUMN indemnites INTEGER NOT NULL DEFAULT 0; -- cents
