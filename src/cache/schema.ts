/**
 * The cache's table: one row for each content, also for those of which nothing is here (placeholders). The indexes are
 * partial, so that a million placeholders cost nothing at start.
 */
import type { Schema } from '../store/schema.js'

export const CACHE_SCHEMA: Schema = {
  name: 'cache',
  steps: [
    `CREATE TABLE contents (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       size INTEGER NOT NULL,
       -- [start, end, start, end, …] of what is in the file
       ranges TEXT NOT NULL DEFAULT '[]',
       complete INTEGER NOT NULL,
       present_bytes INTEGER NOT NULL DEFAULT 0,
       -- what the file takes on the disk; 0: there is no file that counts
       allocated_bytes INTEGER NOT NULL DEFAULT 0,
       dirty INTEGER NOT NULL,
       -- grows with each dirty mark
       generation INTEGER NOT NULL DEFAULT 0,
       -- what the row claims survives a power loss
       synced INTEGER NOT NULL DEFAULT 0,
       -- the boot in which bytes were written that may not be on the disk
       boot_id TEXT NOT NULL DEFAULT '',
       -- size, mtime and ctime of the file when it was last known to be what the row says
       stamp TEXT,
       suspect INTEGER NOT NULL DEFAULT 0,
       pinned INTEGER NOT NULL DEFAULT 0,
       origin_file TEXT,
       origin_version INTEGER,
       origin_blob TEXT,
       last_used_ms INTEGER NOT NULL DEFAULT 0
     );
     CREATE INDEX contents_allocated ON contents (last_used_ms) WHERE allocated_bytes > 0;
     CREATE INDEX contents_dirty ON contents (id) WHERE dirty = 1`,
    `-- the boot in which the file was opened for direct writing, which nobody here sees; null: nobody writes to it but us
     ALTER TABLE contents ADD COLUMN opened_boot TEXT;
     CREATE INDEX contents_opened ON contents (id) WHERE opened_boot IS NOT NULL`,
  ],
}
