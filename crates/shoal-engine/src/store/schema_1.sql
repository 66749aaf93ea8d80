CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE devices (
  id BLOB PRIMARY KEY,
  name TEXT,               -- what it called itself last
  platform TEXT,
  trust TEXT NOT NULL,
  addresses TEXT NOT NULL, -- separated by spaces, best first
  accepts INTEGER,         -- bytes in 24 hours that nobody is asked about
  seen INTEGER NOT NULL    -- seconds since 1970
) WITHOUT ROWID;

CREATE TABLE accepted_unasked ( -- within a device's allowance; sums, so that many small offers do not heap up
  peer BLOB NOT NULL,      -- also of devices that were forgotten
  minute INTEGER NOT NULL, -- since 1970
  bytes INTEGER NOT NULL,
  PRIMARY KEY (peer, minute)
) WITHOUT ROWID;

CREATE TABLE transfers (
  id BLOB PRIMARY KEY,
  direction TEXT NOT NULL,
  peer BLOB NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  text TEXT,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  files_done INTEGER NOT NULL,
  files_failed INTEGER NOT NULL,
  bytes_done INTEGER NOT NULL,
  bytes_moved INTEGER NOT NULL,
  error TEXT,
  target BLOB,             -- receiving: the folder; a path
  replace INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  active_ms INTEGER NOT NULL,
  created INTEGER NOT NULL, -- both in milliseconds since 1970
  changed INTEGER NOT NULL  -- when it came into its state
);
CREATE INDEX transfers_created ON transfers (created);

CREATE TABLE sources ( -- sending: the path behind each top-level name
  transfer BLOB NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  path BLOB NOT NULL,
  PRIMARY KEY (transfer, name)
) WITHOUT ROWID;

CREATE TABLE manifests (
  transfer BLOB PRIMARY KEY REFERENCES transfers (id) ON DELETE CASCADE,
  manifest BLOB NOT NULL
);

CREATE TABLE selections ( -- apart from the manifest, which is long and never rewritten; sets of entry numbers
  transfer BLOB PRIMARY KEY REFERENCES transfers (id) ON DELETE CASCADE,
  wanted BLOB NOT NULL,
  settled BLOB NOT NULL
);

CREATE TABLE failures (
  transfer BLOB NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
  entry INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (transfer, entry)
) WITHOUT ROWID;

CREATE TABLE verified (
  transfer BLOB NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
  entry INTEGER NOT NULL,
  first INTEGER NOT NULL,
  hashes BLOB NOT NULL,    -- 32 bytes for each piece from `first` on
  PRIMARY KEY (transfer, entry, first)
);

CREATE TABLE placed (
  folder BLOB NOT NULL,
  offered TEXT NOT NULL,   -- both relative to the folder
  name TEXT NOT NULL,
  PRIMARY KEY (folder, offered)
) WITHOUT ROWID;

CREATE TABLE long_names ( -- names too long for this disk; the hash in the shortened one makes it the name of one original
  shortened TEXT PRIMARY KEY,
  original TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE hashes (
  path BLOB NOT NULL,
  key BLOB NOT NULL,       -- size, time and identity of the file that was hashed
  first INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (path, first)
);
