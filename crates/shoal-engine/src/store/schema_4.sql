CREATE TABLE tickets ( -- that this device made: who has one may fetch what it is of
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  secret BLOB NOT NULL,
  lan_only INTEGER NOT NULL,
  trackers TEXT NOT NULL,   -- lines
  expires INTEGER,          -- seconds since 1970
  created INTEGER NOT NULL, -- milliseconds since 1970
  used INTEGER NOT NULL,    -- how often somebody took something
  outdated INTEGER NOT NULL, -- a file of it was no longer the one that was hashed
  root BLOB NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE ticket_sources (
  ticket BLOB NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  path BLOB NOT NULL,
  PRIMARY KEY (ticket, name)
) WITHOUT ROWID;

CREATE TABLE ticket_manifests (
  ticket BLOB PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
  manifest BLOB NOT NULL
);

ALTER TABLE transfers ADD COLUMN own_ticket BLOB; -- sending: the ticket of this device that it is bound to
ALTER TABLE transfers ADD COLUMN ticket TEXT;     -- receiving: the ticket that it was asked for by
