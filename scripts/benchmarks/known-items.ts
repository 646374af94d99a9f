/**
 * A drive with very many known items, without the hour that listing them would take: one folder is listed through the
 * portal, and its rows are the pattern for all others, written into the daemon's database while it does not run. The
 * portal has the same items under the same ids, so they can be opened. This is the one place of the bench that knows
 * more of the program than its command line: the table `items`, by the names of its columns.
 */
import { join } from 'node:path'
import sqlite3 from 'sqlite3'
import { timed, type Bench } from './bench.js'
import type { TreeShape } from './disk-files.js'
import type { Drive } from './drive.js'
import { unlimitedDrive } from './unlimited-drive.js'

const ROOT = 1
const FIRST_INO = 1_000_000 // above every row that the listing made
const FAN_OUT = 10

/** The drive is left unmounted. */
export async function knownDrive(bench: Bench, name: string, shape: TreeShape): Promise<Drive> {
  const { drive } = await unlimitedDrive(bench, { name, seed: `tree:${shape.folders}x${shape.filesEach}` })
  const first = `folder-${'1'.padStart(String(shape.folders).length, '0')}`
  await timed(bench, 'person', 'ls', [join(drive.folder, first)])
  await drive.ok('sync', '--wait', '60')
  await drive.unmount()
  await script(drive.databasePath, await plan(drive.databasePath, shape))
  return drive
}

interface Pattern {
  readonly columns: readonly string[]
  readonly folderId: number
  readonly fileId: number
  readonly blobOffset: number
}

async function plan(database: string, shape: TreeShape): Promise<string> {
  const { columns, folderId, fileId, blobOffset } = await readPattern(database)
  const insert = (kind: 'file' | 'folder', count: number, values: Readonly<Record<string, string>>): string => `
    INSERT INTO items (${columns.join(', ')})
    WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${count})
    SELECT ${columns.map((column) => values[column] ?? `pattern.${column}`).join(', ')} FROM numbers, pattern WHERE pattern.kind = '${kind}';`
  const [folderDigits, fileDigits] = [String(shape.folders).length, String(shape.filesEach).length]
  const parentNumber = `(i - 1) / ${FAN_OUT}`
  const folderParent = `CASE ${parentNumber} WHEN 0 THEN ${ROOT} ELSE ${FIRST_INO} + ${parentNumber} END`
  const folderName = `printf('folder-%0${folderDigits}d', i)`
  const fileParent = `${FIRST_INO} + (i - 1) / ${shape.filesEach} + 1`
  const fileName = `printf('file-%0${fileDigits}d.dat', (i - 1) % ${shape.filesEach} + 1)`
  const named = (parent: string, name: string, id: string): Readonly<Record<string, string>> => ({
    parent, name, name_key: name, remote_id: id, real_id: id, base_parent: parent, base_name: name, base_key: name,
  })
  const remoteFile = `CAST(${fileId} + i - 1 AS TEXT)`
  return `
    BEGIN;
    CREATE TEMP TABLE pattern AS
      SELECT * FROM (SELECT * FROM items WHERE kind = 'folder' AND listed_ms IS NOT NULL AND parent IS NOT NULL LIMIT 1)
      UNION ALL SELECT * FROM (SELECT * FROM items WHERE kind = 'file' LIMIT 1);
    DELETE FROM items WHERE parent IS NOT NULL;
    ${insert('folder', shape.folders, { ino: `${FIRST_INO} + i`, ...named(folderParent, folderName, `CAST(${folderId} + i - 1 AS TEXT)`) })}
    ${insert('file', shape.folders * shape.filesEach, { ino: `${FIRST_INO} + ${shape.folders} + i`, ...named(fileParent, fileName, remoteFile), base_blob: `CAST(${fileId} + i - 1 + ${blobOffset} AS TEXT)` })}
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);`
}

/** Ids of the portal's tree seeds follow from the numbers of folders and files: those of the first of each are enough. */
async function readPattern(database: string): Promise<Pattern> {
  const columns = (await rows(database, 'PRAGMA table_info(items)')).map(({ name }) => String(name))
  const [folder] = await rows(database, `SELECT remote_id FROM items WHERE kind = 'folder' AND parent IS NOT NULL AND listed_ms IS NOT NULL ORDER BY CAST(remote_id AS INTEGER) LIMIT 1`)
  const [file] = await rows(database, `SELECT remote_id, base_blob FROM items WHERE kind = 'file' ORDER BY CAST(remote_id AS INTEGER) LIMIT 1`)
  if (folder === undefined || file === undefined) throw new Error('no folder was listed that could be the pattern of the others')
  return { columns, folderId: Number(folder.remote_id), fileId: Number(file.remote_id), blobOffset: Number(file.base_blob) - Number(file.remote_id) }
}

type Row = Readonly<Record<string, unknown>>

function rows(path: string, sql: string): Promise<readonly Row[]> {
  return withDatabase(path, (database, done) => {
    database.all(sql, (error, found: readonly Row[]) => {
      done(error, found)
    })
  })
}

function script(path: string, sql: string): Promise<unknown> {
  return withDatabase(path, (database, done) => {
    database.exec(sql, (error) => {
      done(error, undefined)
    })
  })
}

type Done<T> = (error: Error | null, result: T) => void

function withDatabase<T>(path: string, use: (database: sqlite3.Database, done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(path, sqlite3.OPEN_READWRITE, (opening) => {
      if (opening !== null) {
        reject(opening)
        return
      }
      use(database, (error, result) => {
        database.close()
        if (error === null) resolve(result)
        else reject(error)
      })
    })
  })
}
