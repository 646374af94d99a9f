/**
 * Conflicts that a person has not decided about: which file is a copy beside which, whose bytes the copy holds, and why it
 * was made. Owns the SQL of `conflicts`. Written in the transaction that makes the copy. A record goes with either row, by a
 * trigger, and when the copy gets a name that no conflict gives; while either is only a tombstone it is not shown, because
 * the portal may still bring that one back (C9).
 */
import { asIno, type Ino } from '../base/ids.js'
import type { Row } from '../store/connection.js'
import type { Reader, Transaction } from '../store/store.js'
import { isConflictName } from './conflict-name.js'
import type { Item } from './item.js'

/** Whose bytes: those of this computer, or those that somebody else saved. */
export type ConflictSide = 'mine' | 'theirs'

export type ConflictReason = 'edited-on-both-sides' | 'name-taken' | 'torn-by-power-loss' | 'version-slipped-in'

export interface Conflict {
  readonly copy: Ino
  /** What stands under the name that both wanted; null where that cannot be seen from here. */
  readonly original: Ino | null
  /** What the copy holds; the original holds the other. */
  readonly side: ConflictSide
  readonly why: ConflictReason
  readonly sinceMs: number
}

/** For the mirror's schema. */
export const CONFLICTS_TABLE = `CREATE TABLE conflicts (
    copy INTEGER PRIMARY KEY,
    original INTEGER,
    side TEXT NOT NULL CHECK (side IN ('mine', 'theirs')),
    why TEXT NOT NULL,
    since_ms INTEGER NOT NULL
  );
  CREATE INDEX conflicts_original ON conflicts (original) WHERE original IS NOT NULL;
  CREATE TRIGGER items_conflicts AFTER DELETE ON items BEGIN
    DELETE FROM conflicts WHERE copy = OLD.ino;
    DELETE FROM conflicts WHERE original = OLD.ino;
  END`

const STANDING = `FROM conflicts JOIN items AS aside ON aside.ino = copy LEFT JOIN items AS named ON named.ino = original
  WHERE aside.deleted = 0 AND coalesce(named.deleted, 0) = 0`

const COLUMNS = 'copy, original, side, why, since_ms'

/** A copy that steps aside once more keeps its first record: that is the one to be decided about. */
export async function recordConflict(tx: Transaction, { copy, original, side, why, sinceMs }: Conflict): Promise<void> {
  await tx.run(`INSERT OR IGNORE INTO conflicts (${COLUMNS}) VALUES (?,?,?,?,?)`, copy, original, side, why, sinceMs)
}

/** Oldest first. */
export async function readConflicts(reader: Reader): Promise<readonly Conflict[]> {
  return (await reader.all(`SELECT ${COLUMNS} ${STANDING} ORDER BY since_ms, copy`)).map(conflictOf)
}

/** Those that the item is in, as the copy (first) or as the original. */
export async function readConflictsOf(reader: Reader, ino: Ino): Promise<readonly Conflict[]> {
  return (await reader.all(`SELECT ${COLUMNS} ${STANDING} AND (copy = ? OR original = ?) ORDER BY copy <> ?, since_ms, copy`, ino, ino, ino)).map(conflictOf)
}

export async function countConflicts(reader: Pick<Reader, 'get'>): Promise<number> {
  return Number((await reader.get(`SELECT count(*) AS n ${STANDING}`))?.n ?? 0)
}

export async function forgetConflict(tx: Transaction, copy: Ino): Promise<void> {
  await tx.run('DELETE FROM conflicts WHERE copy = ?', copy)
}

/** A copy that gets a name of its own was decided about by hand. */
export async function forgetIfNamed(tx: Transaction, before: Item, name: string): Promise<void> {
  if (isConflictName(before.name) && !isConflictName(name)) await forgetConflict(tx, before.ino)
}

/** Another row stands for what `from` stood for: it was saved through a temporary name, or gave its name away. */
export async function passConflictsOn(tx: Transaction, from: Ino, to: Ino): Promise<void> {
  if ((await tx.get('SELECT 1 FROM conflicts WHERE copy = ? OR original = ?', from, from)) === undefined) return
  await tx.run('UPDATE OR REPLACE conflicts SET copy = ? WHERE copy = ?', to, from)
  await tx.run('UPDATE conflicts SET original = ? WHERE original = ?', to, from)
  // The copy itself stands under the name now: nothing is left to decide.
  await tx.run('DELETE FROM conflicts WHERE copy = original')
}

function conflictOf(row: Row): Conflict {
  return {
    copy: asIno(Number(row.copy)),
    original: row.original === null || row.original === undefined ? null : asIno(Number(row.original)),
    side: row.side === 'theirs' ? 'theirs' : 'mine',
    why: row.why as ConflictReason,
    sinceMs: Number(row.since_ms),
  }
}
