/**
 * One SQLite database of a profile: one write connection with a queue and group commit, one read connection. A
 * transaction on one connection cannot overlap another, so writers queue here; those that wait together commit together.
 * Modules above own their tables' SQL and take the Transaction; this one owns opening, migrating and failing clearly.
 */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DriveError, errorText, hasCode, systemCode } from '../base/errors.js'
import { Connection, type Row, type SqlValue } from './connection.js'
import { OpenRecord } from './open-record.js'
import { migrate, type Schema } from './schema.js'
import { scriptCall, scriptDefinition, type Script } from './script.js'

export interface Reader {
  get(sql: string, ...parameters: readonly SqlValue[]): Promise<Row | undefined>
  all(sql: string, ...parameters: readonly SqlValue[]): Promise<readonly Row[]>
}

export interface Committing {
  /** Called once the group is committed, in order; not called when it is rolled back. */
  afterCommit(effect: () => void): void
}

export interface Transaction extends Reader, Committing {
  /** Answers the row id of an INSERT and the number of changed rows. */
  run(sql: string, ...parameters: readonly SqlValue[]): Promise<{ lastId: number; changes: number }>
}

export interface TransactOptions {
  /** The commit survives a power loss (synchronous=FULL); without it, kill -9 only. */
  readonly durable?: boolean
}

export interface StoreOptions {
  /**
   * Differs after each boot of the machine. With it a database that was closed in order, or whose process died alone, is
   * opened without reading all of it, for whoever calls `check` later; without it every page is looked at first.
   */
  readonly bootId?: string
  /** Hears once of damage that is met after opening. */
  readonly onDamage?: (error: DriveError) => void
}

/** One run of a script. */
export interface ScriptRun<T> {
  readonly script: Script
  /** Asked when its turn has come, whatever was committed before; undefined: not this way any more. */
  readonly values: () => readonly SqlValue[] | undefined
  /** Makes the answer out of the script's own, and says what is to be done after the commit. */
  readonly answer: (row: Row, tx: Committing) => T
}

interface Job {
  readonly durable: boolean
  /** It is a single statement, which is taken back whole when it fails. */
  readonly script: Script | undefined
  /** Runs the work inside the group; keeps its outcome for `settle`. */
  run(tx: Transaction): Promise<void>
  /** Tells the waiter: the outcome of the work, or why the group was not committed. */
  settle(commitError: unknown): void
}

export class Store {
  readonly #writer: Connection
  readonly #reader: Connection
  readonly #path: string
  readonly #record: OpenRecord | undefined
  readonly #onDamage: (error: DriveError) => void
  /** Committed state, as of the moment the query runs. */
  readonly read: Reader
  /** Works that wait for the next group. */
  #queue: Job[] = []
  /** The running drain of the queue; undefined when idle. */
  #draining: Promise<void> | undefined
  /** Scripts that the write connection knows. */
  readonly #defined = new Set<Script>()
  #closed = false
  #runningSync: Promise<void> | undefined
  /** Has not begun. */
  #nextSync: Promise<void> | undefined
  /** The note for the next start, once damage was met. */
  #damageNoted: Promise<void> | undefined

  private constructor(parts: { path: string; writer: Connection; reader: Connection; record: OpenRecord | undefined; options: StoreOptions }) {
    const { path, writer, reader, record, options } = parts
    this.#path = path
    this.#writer = writer
    this.#reader = reader
    this.#record = record
    this.#onDamage = options.onDamage ?? (() => undefined)
    const coded = (error: unknown): never => {
      throw this.#failure(error)
    }
    this.read = {
      get: (sql, ...parameters) => reader.get(sql, ...parameters).catch(coded),
      all: (sql, ...parameters) => reader.all(sql, ...parameters).catch(coded),
    }
  }

  /**
   * Opens or makes the database and brings every schema up to date.
   * `database-damaged` and `database-newer` say what to do; nothing is deleted. A file that is no database, is shorter than
   * it says, or whose schema cannot be read is always refused; other pages are looked at as `StoreOptions` says.
   */
  static async open(path: string, schemas: readonly Schema[], options: StoreOptions = {}): Promise<Store> {
    const record = options.bootId === undefined ? undefined : new OpenRecord(path, options.bootId)
    let writer: Connection | undefined
    try {
      writer = await Connection.open(path)
      await writer.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=2000')
      if ((await record?.isTrusted()) !== true) await checkPages(writer, path)
      await record?.noteOpen()
      await migrate(writer, path, schemas)
      const reader = await Connection.open(path)
      await reader.exec('PRAGMA query_only=ON')
      return new Store({ path, writer, reader, record, options })
    } catch (error) {
      await writer?.close()
      throw storeError(path, error)
    }
  }

  /**
   * Looks at every page beside whatever else goes on, which takes seconds for a large database. Throws 'database-damaged',
   * after which the next `open` looks again before anything else, and 'cancelled'.
   */
  async check(signal: AbortSignal): Promise<void> {
    const isCancelled = (): boolean => signal.aborted
    const connection = await Connection.open(this.#path, 'read-only')
    const interrupt = (): void => {
      connection.interrupt()
    }
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      if (isCancelled()) throw cancelled()
      await checkPages(connection, this.#path)
    } catch (error) {
      throw isCancelled() ? cancelled() : this.#failure(error)
    } finally {
      signal.removeEventListener('abort', interrupt)
      await connection.close()
    }
  }

  /**
   * Runs `work` in a transaction and answers after the commit. A work that throws is rolled back alone; others of its
   * group are committed. `disk-full` and `database-damaged` are the store's own failures.
   */
  transact<T>(work: (tx: Transaction) => Promise<T>, options: TransactOptions = {}): Promise<T> {
    return this.#enqueue(work, options.durable ?? false, undefined)
  }

  /**
   * Runs a script as a transaction of its own, which takes a fraction of the time. Undefined, and nothing done, when it
   * refuses or would break a constraint: then the long way finds out why.
   */
  runScript<T>({ script, values, answer }: ScriptRun<T>): Promise<T | undefined> {
    const work = async (tx: Transaction): Promise<T | undefined> => {
      const parameters = values()
      if (parameters === undefined) return undefined
      try {
        const row = await tx.get(scriptCall(script), ...parameters)
        return row === undefined ? undefined : answer(row, tx)
      } catch (error) {
        if (systemCode(error) === 'SQLITE_CONSTRAINT') return undefined
        throw error
      }
    }
    return this.#enqueue(work, false, script)
  }

  #enqueue<T>(work: (tx: Transaction) => Promise<T>, durable: boolean, script: Script | undefined): Promise<T> {
    if (this.#closed) return Promise.reject(new DriveError('cancelled', 'the database is closed'))
    return new Promise<T>((resolve, reject) => {
      let outcome: { ok: true; value: T } | { ok: false; error: unknown } | undefined
      this.#queue.push({
        durable,
        script,
        run: async (tx) => {
          try {
            outcome = { ok: true, value: await work(tx) }
          } catch (error) {
            outcome = { ok: false, error }
            throw error
          }
        },
        settle: (commitError) => {
          if (commitError !== undefined) reject(this.#failure(commitError))
          else if (outcome?.ok === true) resolve(outcome.value)
          else reject(this.#failure(outcome?.error))
        },
      })
      this.#draining ??= this.#drain()
    })
  }

  /**
   * Everything that was committed before the call survives a power loss. A durable transaction that changes nothing would
   * not do: SQLite syncs its log only when it adds to it.
   */
  async syncCommitted(): Promise<void> {
    this.#nextSync ??= this.#syncAfter(this.#runningSync)
    await this.#nextSync
  }

  /** One sync serves all who asked before it began. */
  async #syncAfter(running: Promise<unknown> | undefined): Promise<void> {
    await running?.catch(() => undefined) // told to those who waited for it
    this.#runningSync = this.#nextSync
    this.#nextSync = undefined
    await syncLog(this.#path)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#draining
    await this.#reader.close()
    await this.#writer.close()
    if (this.#damageNoted === undefined) await this.#record?.noteClosed()
    else await this.#damageNoted
  }

  /** The error as whoever asked gets it; damage is noted for the next start. */
  #failure(error: unknown): Error {
    const coded = asError(storeError(this.#path, error))
    if (this.#damageNoted === undefined && hasCode(coded, 'database-damaged')) {
      this.#damageNoted = this.#record?.noteDamaged() ?? Promise.resolve()
      this.#damageNoted.catch(() => undefined) // whoever closes is told
      this.#onDamage(coded)
    }
    return coded
  }

  async #drain(): Promise<void> {
    await Promise.resolve() // lets works queued in the same turn join the first group
    while (this.#queue.length > 0) {
      const group = this.#queue
      this.#queue = []
      await this.#commitGroup(group)
    }
    this.#draining = undefined
  }

  async #commitGroup(group: readonly Job[]): Promise<void> {
    const durable = group.some((job) => job.durable)
    const effects: (() => void)[] = []
    let commitError: unknown
    try {
      await this.#define(group)
      if (group.length === 1 && !durable && group[0]?.script !== undefined) {
        await group[0].run(this.#transaction(effects)) // a statement alone is a transaction
      } else {
        let before = durable ? 'PRAGMA synchronous=FULL; BEGIN IMMEDIATE' : 'BEGIN IMMEDIATE'
        for (const job of group) before = await this.#runJob(job, before, group.length > 1, effects)
        await this.#writer.exec(inOrder(before, 'COMMIT'))
      }
    } catch (error) {
      commitError = error
      await this.#rollBack()
    }
    if (durable) await this.#restoreNormal()
    if (commitError === undefined) for (const effect of effects) effect()
    for (const job of group) job.settle(commitError)
  }

  /** Scripts that run for the first time: before the group, or a rollback would take them back. */
  async #define(group: readonly Job[]): Promise<void> {
    for (const { script } of group) {
      if (script === undefined || this.#defined.has(script)) continue
      await this.#writer.exec(scriptDefinition(script))
      this.#defined.add(script)
    }
  }

  /**
   * A work that fails takes only itself back, unless the database itself failed. `before` has to be said first; answers
   * what has to be said after it, so that both go with what the neighbours say.
   */
  async #runJob(job: Job, before: string, shared: boolean, effects: (() => void)[]): Promise<string> {
    const own: (() => void)[] = []
    const isGuarded = shared && job.script === undefined
    const opening = inOrder(before, isGuarded ? 'SAVEPOINT job' : '')
    if (opening !== '') await this.#writer.exec(opening)
    try {
      await job.run(this.#transaction(own))
    } catch (error) {
      if (!isGuarded) throw error
      return 'ROLLBACK TO job; RELEASE job'
    }
    effects.push(...own)
    return isGuarded ? 'RELEASE job' : ''
  }

  #transaction(effects: (() => void)[]): Transaction {
    return {
      get: (sql, ...parameters) => this.#writer.get(sql, ...parameters),
      all: (sql, ...parameters) => this.#writer.all(sql, ...parameters),
      run: (sql, ...parameters) => this.#writer.run(sql, ...parameters),
      afterCommit: (effect) => {
        effects.push(effect)
      },
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#writer.exec('ROLLBACK')
    } catch (error) {
      // SQLite may have rolled back by itself (disk full, i/o error): then there is nothing to roll back.
      if (systemCode(error) !== 'SQLITE_ERROR') throw error
    }
  }

  async #restoreNormal(): Promise<void> {
    await this.#writer.exec('PRAGMA synchronous=NORMAL')
  }
}

/** What a checkpoint has taken out of the log it has synced itself. Locks are on other files, so closing this one ends none. */
async function syncLog(path: string): Promise<void> {
  for (const each of [`${path}-wal`, dirname(path)]) {
    const file = await open(each).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return // in memory, or nothing was committed since it was opened
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }
}

function inOrder(...statements: readonly string[]): string {
  return statements.filter((statement) => statement !== '').join('; ')
}

async function checkPages(connection: Connection, path: string): Promise<void> {
  const check = await connection.get('PRAGMA quick_check(1)')
  if (check?.quick_check !== 'ok') throw damaged(path, undefined)
}

function cancelled(): DriveError {
  return new DriveError('cancelled', 'the look at the database was cancelled')
}

function damaged(path: string, cause: unknown): DriveError {
  return new DriveError(
    'database-damaged',
    `the database ${path} is damaged: copy unsent edits out with "elastic-drive rescue DIR", move the file away and connect again`,
    { cause },
  )
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new DriveError('internal', errorText(thrown))
}

/** Foreign failures of SQLite get a code here; ours pass. */
export function storeError(path: string, error: unknown): unknown {
  if (hasCode(error, 'database-damaged', 'database-newer')) return error
  switch (systemCode(error)) {
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return damaged(path, error)
    case 'SQLITE_FULL':
      return new DriveError('disk-full', `no space left on the disk of ${path}: free some space and try again`, { cause: error })
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
      return new DriveError('internal', `the database ${path} cannot be opened for writing: ${errorText(error)}`, { cause: error })
    case undefined:
    default:
      return error
  }
}
