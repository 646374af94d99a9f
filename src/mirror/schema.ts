/** The mirror's tables. Steps are only ever appended to (see store/schema.ts). */
import type { Schema } from '../store/schema.js'
import { CONFLICTS_TABLE } from './conflicts.js'
import { SELECTION_TABLE } from './selection-rows.js'

// Names of isTrashName (base/names.ts), as they were when the step was made.
const isTrashName = (column: string): string => `(${column} = '.Trash' OR (${column} GLOB '.Trash-?*' AND substr(${column}, 8) NOT GLOB '*[^0-9]*'))`

export const MIRROR_SCHEMA: Schema = {
  name: 'mirror',
  steps: [
    `CREATE TABLE items (
       ino INTEGER PRIMARY KEY AUTOINCREMENT,
       parent INTEGER,
       name TEXT NOT NULL,
       name_key TEXT NOT NULL,
       kind TEXT NOT NULL CHECK (kind IN ('file', 'folder')),
       mode INTEGER NOT NULL,
       size INTEGER NOT NULL,
       mtime_ms INTEGER NOT NULL,
       ctime_ms INTEGER NOT NULL,
       content_id INTEGER,
       content_gen INTEGER NOT NULL DEFAULT 0,
       local_only INTEGER NOT NULL DEFAULT 0,
       pinned INTEGER NOT NULL DEFAULT 0,
       deleted INTEGER NOT NULL DEFAULT 0,
       excluded INTEGER NOT NULL DEFAULT 0,
       place_changed_ms INTEGER,
       listed_ms INTEGER,
       remote_id TEXT,
       real_id TEXT,
       storage_id TEXT,
       code TEXT,
       base_parent INTEGER,
       base_name TEXT,
       base_key TEXT,
       base_version INTEGER,
       base_blob TEXT,
       base_size INTEGER,
       base_updated_ms INTEGER
     );
     CREATE UNIQUE INDEX items_place ON items (parent, name) WHERE parent IS NOT NULL;
     CREATE INDEX items_key ON items (parent, name_key) WHERE parent IS NOT NULL;
     CREATE UNIQUE INDEX items_remote ON items (remote_id) WHERE remote_id IS NOT NULL;
     CREATE INDEX items_real ON items (real_id) WHERE kind = 'folder' AND real_id IS NOT NULL;
     CREATE INDEX items_base ON items (base_parent, base_key) WHERE base_parent IS NOT NULL;
     CREATE INDEX items_content ON items (content_id) WHERE content_id IS NOT NULL;
     CREATE INDEX items_unlisted ON items (parent) WHERE kind = 'folder' AND listed_ms IS NULL AND deleted = 0 AND excluded = 0;
     CREATE INDEX items_listed ON items (listed_ms) WHERE kind = 'folder' AND listed_ms IS NOT NULL;
     CREATE INDEX items_pinned ON items (ino) WHERE pinned = 1;
     CREATE TABLE xattrs (ino INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (ino, name)) WITHOUT ROWID;
     CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
    CONFLICTS_TABLE,
    'CREATE INDEX items_deleted ON items (ino) WHERE deleted = 1',
    // What is in the trash of both sides. A trash that was sent to the portal before is an ordinary folder under another
    // name here; one that was not sent yet stays here with what only this computer has.
    `ALTER TABLE items ADD COLUMN base_trashed INTEGER;
     UPDATE items SET name = name || '~' || remote_id, name_key = lower(name) || '~' || remote_id WHERE remote_id IS NOT NULL AND name = base_name AND ${isTrashName('name')};
     UPDATE items SET base_key = lower(base_name) || '~' || remote_id WHERE remote_id IS NOT NULL AND ${isTrashName('base_name')};
     UPDATE items SET local_only = 1 WHERE remote_id IS NULL AND ino IN (
       WITH RECURSIVE below(ino) AS (
         SELECT ino FROM items WHERE parent = 1 AND kind = 'folder' AND remote_id IS NULL AND ${isTrashName('name')}
         UNION ALL SELECT items.ino FROM items JOIN below ON items.parent = below.ino)
       SELECT ino FROM below)`,
    SELECTION_TABLE,
  ],
}
