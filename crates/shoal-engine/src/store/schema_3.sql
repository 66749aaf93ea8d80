CREATE TABLE shares ( -- folders of this disk that others may look into
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  path BLOB NOT NULL,
  audience TEXT NOT NULL,
  may_add INTEGER NOT NULL,
  paused INTEGER NOT NULL,
  hidden INTEGER NOT NULL,  -- hidden and system files are shared, too
  ignored TEXT NOT NULL     -- lines as in a .gitignore
) WITHOUT ROWID;

CREATE TABLE share_peers ( -- whom a share is for by name
  share BLOB NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
  peer BLOB NOT NULL,
  PRIMARY KEY (share, peer)
) WITHOUT ROWID;

ALTER TABLE transfers ADD COLUMN share BLOB;   -- the share that it is from
ALTER TABLE transfers ADD COLUMN beneath BLOB; -- the folder that its files must not leave; a path
ALTER TABLE transfers ADD COLUMN place BLOB;   -- the share that its files are added to
ALTER TABLE transfers ADD COLUMN place_folder TEXT; -- the folder in it; NULL: itself
ALTER TABLE transfers ADD COLUMN place_name TEXT;   -- what people call that place
