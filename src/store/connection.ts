/**
 * One connection of the `sqlite3` package with promises and prepared statements that are kept. Knows nothing of tables.
 */
import sqlite3 from 'sqlite3'

export type SqlValue = number | string | Uint8Array | null
export type Row = Readonly<Record<string, SqlValue>>

const BUSY_TIMEOUT_MS = 10_000 // another process reads or rescues at most this long

export class Connection {
  readonly #database: sqlite3.Database
  readonly #statements = new Map<string, sqlite3.Statement>()

  private constructor(database: sqlite3.Database) {
    this.#database = database
  }

  static open(path: string, mode: 'read-write' | 'read-only' = 'read-write'): Promise<Connection> {
    const flags = mode === 'read-only' ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
    return new Promise((resolve, reject) => {
      const database = new sqlite3.Database(path, flags, (error) => {
        if (error !== null) {
          reject(error)
          return
        }
        database.configure('busyTimeout', BUSY_TIMEOUT_MS)
        resolve(new Connection(database))
      })
    })
  }

  /** Runs statements without parameters and without results. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.exec(sql, (error) => {
        if (error !== null) reject(error)
        else resolve()
      })
    })
  }

  run(sql: string, ...parameters: readonly SqlValue[]): Promise<{ lastId: number; changes: number }> {
    return new Promise((resolve, reject) => {
      this.#prepare(sql, reject).run(parameters, function (error: Error | null) {
        if (error !== null) reject(error)
        else resolve({ lastId: this.lastID, changes: this.changes })
      })
    })
  }

  get(sql: string, ...parameters: readonly SqlValue[]): Promise<Row | undefined> {
    // `all` leaves the statement reset; `get` would keep a read transaction open on the cached statement.
    return this.all(sql, ...parameters).then((rows) => rows[0])
  }

  all(sql: string, ...parameters: readonly SqlValue[]): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      this.#prepare(sql, reject).all<Row>(parameters, (error: Error | null, rows) => {
        if (error !== null) reject(error)
        else resolve(rows)
      })
    })
  }

  /** What runs on the connection fails with SQLITE_INTERRUPT as soon as it can. */
  interrupt(): void {
    this.#database.interrupt()
  }

  async close(): Promise<void> {
    const statements = [...this.#statements.values()]
    this.#statements.clear()
    await Promise.all(
      statements.map(
        (statement) =>
          new Promise<void>((resolve) => {
            statement.finalize(() => {
              resolve()
            })
          }),
      ),
    )
    await new Promise<void>((resolve, reject) => {
      this.#database.close((error) => {
        if (error !== null) reject(error)
        else resolve()
      })
    })
  }

  #prepare(sql: string, reject: (error: Error) => void): sqlite3.Statement {
    const kept = this.#statements.get(sql)
    if (kept !== undefined) return kept
    const statement = this.#database.prepare(sql, (error: Error | null) => {
      if (error === null) return
      this.#statements.delete(sql)
      reject(error)
    })
    this.#statements.set(sql, statement)
    return statement
  }
}
