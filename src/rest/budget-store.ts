/**
 * Where the state of a portal's bucket is kept: one small SQLite file per portal in the runtime directory, shared by all
 * processes of the user (DESIGN.md 6a.11). A transaction is its lock, which the kernel drops with the process. The file
 * may be lost at any time: it is made anew, and while it cannot be used the bucket is this process's own.
 */
import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import sqlite3 from 'sqlite3'
import { errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { isObject } from './envelope.js'
import type { BudgetState } from './budget-state.js'

export interface BudgetStore {
  /** Replaces the state by what `change` makes of it (undefined: none yet), with every other process kept out. */
  update<T>(change: (state: BudgetState | undefined) => readonly [BudgetState, T]): Promise<T>
  close(): Promise<void>
}

/** The bucket of one process. */
export function memoryBudgetStore(): BudgetStore {
  let state: BudgetState | undefined
  return {
    update: (change) => {
      const [next, result] = change(state)
      state = next
      return Promise.resolve(result)
    },
    close: () => Promise.resolve(),
  }
}

const LOCK_RETRY_MS = 2
const LOCK_DEADLINE_MS = 2_000 // another process holds the lock for a millisecond; a stopped one must not stop us

/** The name says which portal without saying it; all accounts on a portal share its bucket, so they share the file. */
export function budgetPath(runtimeDirectory: string, portalHost: string): string {
  const digest = createHash('sha256').update(portalHost.toLowerCase()).digest('hex')
  return join(runtimeDirectory, `budget-${digest.slice(0, 16)}.db`)
}

export class FileBudgetStore implements BudgetStore {
  readonly #directory: string
  readonly #path: string
  readonly #log: Log
  readonly #spare = memoryBudgetStore()
  #database: sqlite3.Database | undefined
  /** Updates of this process one after another: a connection holds one transaction. */
  #last: Promise<void> = Promise.resolve()
  #complained = false

  constructor(options: { runtimeDirectory: string; portalHost: string; log: Log }) {
    this.#directory = options.runtimeDirectory
    this.#path = budgetPath(options.runtimeDirectory, options.portalHost)
    this.#log = options.log
  }

  update<T>(change: (state: BudgetState | undefined) => readonly [BudgetState, T]): Promise<T> {
    const turn = this.#last.then(() => this.#update(change))
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  async close(): Promise<void> {
    await this.#last
    await this.#drop()
  }

  async #update<T>(change: (state: BudgetState | undefined) => readonly [BudgetState, T]): Promise<T> {
    let state: BudgetState | undefined
    try {
      this.#database ??= await this.#open()
      await executeLocked(this.#database, 'BEGIN IMMEDIATE')
      state = parseState(await readState(this.#database))
    } catch (error) {
      return this.#withoutFile(error, change)
    }
    const [next, result] = change(state)
    try {
      await writeState(this.#database, JSON.stringify(next))
      await executeLocked(this.#database, 'COMMIT')
      this.#complained = false
    } catch (error) {
      await this.#complain(error)
    }
    // What the other processes cannot see is remembered here, for the case that the file goes away.
    await this.#spare.update(() => [next, undefined])
    return result
  }

  async #withoutFile<T>(error: unknown, change: (state: BudgetState | undefined) => readonly [BudgetState, T]): Promise<T> {
    await this.#complain(error)
    return this.#spare.update(change)
  }

  async #complain(error: unknown): Promise<void> {
    if (!this.#complained) this.#log.warn({ error: errorText(error) }, 'the shared request budget cannot be used; this process counts alone')
    this.#complained = true
    await this.#drop()
    if (isDamage(error)) await rm(this.#path, { force: true })
  }

  async #open(): Promise<sqlite3.Database> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const database = await openDatabase(this.#path)
    database.configure('busyTimeout', 0)
    // The state is worth nothing after a power loss, so nothing is synced; the rollback journal keeps it whole over kill -9.
    // No WAL: of two processes that turn a new file to it at once one fails with SQLITE_BUSY without waiting, and would count alone.
    try {
      await executeLocked(database, 'PRAGMA synchronous=OFF') // reads the file
      await executeLocked(database, 'BEGIN IMMEDIATE')
      await execute(database, 'CREATE TABLE IF NOT EXISTS budget (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)')
      await executeLocked(database, 'COMMIT')
    } catch (error) {
      await closeDatabase(database)
      throw error
    }
    return database
  }

  async #drop(): Promise<void> {
    const database = this.#database
    this.#database = undefined
    if (database !== undefined) await closeDatabase(database)
  }
}

function closeDatabase(database: sqlite3.Database): Promise<void> {
  return new Promise((resolve) => {
    database.close(() => {
      resolve()
    })
  })
}

function openDatabase(path: string): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(path, (error) => {
      if (error === null) resolve(database)
      else reject(error)
    })
  })
}

function execute(database: sqlite3.Database, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    database.exec(sql, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

/**
 * A statement that waits for other processes' locks. SQLite's own waiting sleeps up to a tenth of a second between two
 * looks, in which one that is busy takes the lock again and again: 1.3 s were seen for what is free every other millisecond.
 */
async function executeLocked(database: sqlite3.Database, sql: string): Promise<void> {
  const over = AbortSignal.timeout(LOCK_DEADLINE_MS)
  for (;;) {
    try {
      await execute(database, sql)
      return
    } catch (error) {
      if (!hasSqliteCode(error, 'SQLITE_BUSY') || over.aborted) throw error
      await setTimeout(LOCK_RETRY_MS)
    }
  }
}

function readState(database: sqlite3.Database): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    database.all<{ state: string }>('SELECT state FROM budget WHERE id = 1', (error, rows) => {
      if (error === null) resolve(rows[0]?.state)
      else reject(error)
    })
  })
}

function writeState(database: sqlite3.Database, state: string): Promise<void> {
  return new Promise((resolve, reject) => {
    database.run('INSERT INTO budget (id, state) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state', [state], (error: Error | null) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

const FIELDS = ['capacity', 'perSecond', 'level', 'backgroundLevel', 'updatedMs', 'blockedUntilMs', 'streak', 'limitedCount'] as const

function parseState(text: string | undefined): BudgetState | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || !FIELDS.every((field) => Number.isFinite(value[field]))) return undefined
    return value as unknown as BudgetState
  } catch {
    return undefined // another version's or a damaged row: begin anew
  }
}

function isDamage(error: unknown): boolean {
  return hasSqliteCode(error, 'SQLITE_CORRUPT', 'SQLITE_NOTADB')
}

function hasSqliteCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code)
}
