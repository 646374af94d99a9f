/**
 * The journal: which items differ from the portal and are to be sent, since when, not before when, how often tried and why
 * not yet. One entry an item: what is to be done follows from the row and its ancestor at the moment of sending, so saves,
 * renames and deletions of one item coalesce by themselves. An entry goes only when the portal has what it stood for, or
 * there is nothing left to send.
 */
import { DriveError, type ErrorCode } from '../base/errors.js'
import { asIno, type Ino, type RemoteId } from '../base/ids.js'
import type { Row } from '../store/connection.js'
import type { Schema } from '../store/schema.js'
import type { Committing, Reader, Store, Transaction } from '../store/store.js'

export const JOURNAL_SCHEMA: Schema = {
  name: 'journal',
  steps: [
    `CREATE TABLE journal (
       ino INTEGER PRIMARY KEY,
       seq INTEGER NOT NULL,
       since_ms INTEGER NOT NULL,
       not_before_ms INTEGER NOT NULL,
       tries INTEGER NOT NULL DEFAULT 0,
       next_try_ms INTEGER NOT NULL DEFAULT 0,
       failure_code TEXT,
       failure_text TEXT,
       attempt TEXT
     );
     CREATE INDEX journal_seq ON journal (seq)`,
    'CREATE INDEX journal_attempts ON journal (ino) WHERE attempt IS NOT NULL',
  ],
}

/** A request that may have reached the portal and whose answer is not recorded: to be adopted or done again (bitrix24-rest.md 6.6). */
export interface Attempt {
  readonly step: 'create-folder' | 'upload-new' | 'upload-version' | 'rename' | 'move' | 'trash' | 'restore' | 'replace'
  /** The portal's clock before the request, whole seconds down. */
  readonly startedServerMs: number
  /** The portal's object that the request is about; none for something new. */
  readonly remoteId?: string
  readonly name?: string
  readonly parentId?: string
  readonly sizeBytes?: number
  /** sha256 of what was sent, hexadecimal. */
  readonly digest?: string
  readonly baseVersion?: number
  /** Folders that the request brings back as well, innermost first. */
  readonly revives?: readonly string[]
}

export interface Entry {
  readonly ino: Ino
  /** Order of the first intent. */
  readonly seq: number
  readonly sinceMs: number
  readonly notBeforeMs: number
  readonly tries: number
  readonly nextTryMs: number
  readonly failure: { readonly code: ErrorCode; readonly text: string } | null
  readonly attempt: Attempt | null
}

const TOUCHED = 'not_before_ms = excluded.not_before_ms, next_try_ms = 0, tries = 0, failure_code = NULL, failure_text = NULL'
const NEXT_SEQ = '(SELECT coalesce(max(seq), 0) + 1 FROM journal)'

/** For a script (store/script.ts): `touch` for each row of `inos`, a SELECT with a WHERE. Parameters `now_ms` and `not_before_ms`; then `noteTouched`. */
export function touchStatement(inos: string): string {
  return `INSERT INTO journal (ino, seq, since_ms, not_before_ms) SELECT ino, ${NEXT_SEQ}, NEW.now_ms, NEW.not_before_ms FROM (${inos}) WHERE true ON CONFLICT (ino) DO UPDATE SET ${TOUCHED}`
}

export class Journal {
  readonly #store: Store
  readonly #onChange: () => void
  #touches = 0

  /** `onChange` is called after each commit that adds or hastens an entry. */
  constructor(store: Store, onChange: () => void) {
    this.#store = store
    this.#onChange = onChange
  }

  /** All entries in order. */
  async entries(reader: Reader = this.#store.read): Promise<readonly Entry[]> {
    return (await reader.all('SELECT * FROM journal ORDER BY seq')).map(entryOf)
  }

  /** In order, those that may be sent now as far as their delay goes, or that may have reached the portal; and how many others there are, until when. */
  async due(nowMs: number): Promise<{ readonly entries: readonly Entry[]; readonly later: { readonly count: number; readonly untilMs: number } }> {
    const { read } = this.#store
    const [rows, others] = await Promise.all([
      read.all('SELECT * FROM journal WHERE not_before_ms <= ? OR attempt IS NOT NULL ORDER BY seq', nowMs),
      read.get('SELECT count(*) AS n, min(not_before_ms) AS until FROM journal WHERE not_before_ms > ? AND attempt IS NULL', nowMs),
    ])
    return { entries: rows.map(entryOf), later: { count: Number(others?.n ?? 0), untilMs: Number(others?.until ?? Infinity) } }
  }

  async get(ino: Ino, reader: Reader = this.#store.read): Promise<Entry | undefined> {
    const row = await reader.get('SELECT * FROM journal WHERE ino = ?', ino)
    return row === undefined ? undefined : entryOf(row)
  }

  /** Requests whose answer is not recorded yet, by the row they were made for. */
  async attempts(reader: Reader): Promise<ReadonlyMap<Ino, Attempt>> {
    return new Map((await reader.all('SELECT ino, attempt FROM journal WHERE attempt IS NOT NULL')).map(({ ino, attempt }) => [asIno(Number(ino)), parseAttempt(String(attempt))]))
  }

  /** Whether the answer of a request is not recorded yet: one of this row, or one about this object of the portal, made for another row. */
  async isAttempted({ ino, remoteId }: { readonly ino: Ino; readonly remoteId: RemoteId | undefined }, reader: Reader): Promise<boolean> {
    const row = await reader.get("SELECT 1 AS it FROM journal WHERE attempt IS NOT NULL AND (ino = ? OR attempt ->> 'remoteId' = ?) LIMIT 1", ino, remoteId ?? null)
    return row !== undefined
  }

  async count(): Promise<number> {
    return Number((await this.#store.read.get('SELECT count(*) AS n FROM journal'))?.n ?? 0)
  }

  /**
   * The item has something to send, not before `notBeforeMs`. An entry keeps its place in the order; a later touch moves
   * its time and forgets its failures, because what is to be sent has changed.
   */
  async touch(tx: Transaction, ino: Ino, nowMs: number, notBeforeMs: number): Promise<void> {
    await tx.run(
      `INSERT INTO journal (ino, seq, since_ms, not_before_ms) VALUES (?, ${NEXT_SEQ}, ?, ?) ON CONFLICT (ino) DO UPDATE SET ${TOUCHED}`,
      ino,
      nowMs,
      notBeforeMs,
    )
    this.noteTouched(tx)
  }

  /** A script with `touchStatement` has run. */
  noteTouched(tx: Committing): void {
    tx.afterCommit(() => {
      this.#touches += 1
      this.#onChange()
    })
  }

  /** How often something was put into the queue; as long as it is the same, nothing new is to be sent. */
  get touches(): number {
    return this.#touches
  }

  /** Nothing of the item is left to send. */
  async remove(tx: Transaction, ino: Ino): Promise<void> {
    await tx.run('DELETE FROM journal WHERE ino = ?', ino)
    tx.afterCommit(this.#onChange)
  }

  /** Everything may be sent at once (`sync` skips the upload delay and the back-off). */
  async hasten(tx: Transaction): Promise<void> {
    await tx.run('UPDATE journal SET not_before_ms = 0, next_try_ms = 0')
    tx.afterCommit(this.#onChange)
  }

  /** Must be committed before the request is sent. */
  async recordAttempt(tx: Transaction, ino: Ino, attempt: Attempt | null): Promise<void> {
    await tx.run('UPDATE journal SET attempt = ? WHERE ino = ?', attempt === null ? null : JSON.stringify(attempt), ino)
  }

  async recordFailure(tx: Transaction, ino: Ino, failure: { code: ErrorCode; text: string }, nextTryMs: number): Promise<void> {
    await tx.run(
      'UPDATE journal SET tries = tries + 1, next_try_ms = ?, failure_code = ?, failure_text = ? WHERE ino = ?',
      nextTryMs,
      failure.code,
      failure.text,
      ino,
    )
  }

  /** An entry goes on under another row: the identity it speaks of was transferred. */
  async clearAttempt(tx: Transaction, ino: Ino): Promise<void> {
    await this.recordAttempt(tx, ino, null)
  }
}

function entryOf(row: Row): Entry {
  return {
    ino: asIno(Number(row.ino)),
    seq: Number(row.seq),
    sinceMs: Number(row.since_ms),
    notBeforeMs: Number(row.not_before_ms),
    tries: Number(row.tries),
    nextTryMs: Number(row.next_try_ms),
    failure: row.failure_code === null || row.failure_code === undefined ? null : { code: row.failure_code as ErrorCode, text: String(row.failure_text) },
    attempt: row.attempt === null || row.attempt === undefined ? null : parseAttempt(String(row.attempt)),
  }
}

function parseAttempt(text: string): Attempt {
  try {
    return JSON.parse(text) as Attempt
  } catch (cause) {
    throw new DriveError('database-damaged', 'an entry of the journal cannot be read', { cause })
  }
}
