-- A cache: whatever is here can be read from the disk again.
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- 1: the share itself. Never another's: who read a folder may be late
  parent INTEGER NOT NULL,     -- the folder; 0: none
  is_file INTEGER NOT NULL,
  fold TEXT NOT NULL,          -- the name folded
  name TEXT,                   -- where it is not the same
  size INTEGER NOT NULL,       -- bytes; of folders, all that is known of what is below
  files INTEGER NOT NULL,      -- folders: number of files below, likewise
  modified INTEGER NOT NULL,   -- nanoseconds since 1970
  inode INTEGER NOT NULL,
  hash BLOB,                   -- files: BLAKE3, once it is known
  listed INTEGER,              -- folders: when the list of names had changed last as it was read; NULL: to be read
  revision INTEGER             -- folders
);
-- Size and time stand in it so that a folder is sorted by them without looking up each of its entries.
CREATE INDEX entries_by_name ON entries (parent, is_file, fold, name, size, modified);
CREATE INDEX folders ON entries (id) WHERE is_file = 0;
-- Who holds a content that is fetched in pieces is asked by its hash.
CREATE INDEX large_by_hash ON entries (hash) WHERE hash IS NOT NULL AND size > 262144;
CREATE INDEX folders_to_read ON entries (id) WHERE is_file = 0 AND listed IS NULL;

-- Without the names themselves, which are above, and without positions: what is found is looked at once more.
CREATE VIRTUAL TABLE names USING fts5 (fold, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1');

INSERT INTO entries (id, parent, is_file, fold, size, files, modified, inode, revision) VALUES (1, 0, 0, '', 0, 0, 0, 0, 0);
