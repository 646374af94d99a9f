/**
 * Versions of the tables. Each module above gives its schema as steps; step n brings its tables from version n to n + 1.
 * A database from a newer program is refused, never touched.
 */
import { DriveError } from '../base/errors.js'
import type { Connection } from './connection.js'

export interface Schema {
  /** The module that owns the tables. */
  readonly name: string
  /** SQL scripts in order; never changed once released, only appended to. */
  readonly steps: readonly string[]
}

export async function migrate(connection: Connection, path: string, schemas: readonly Schema[]): Promise<void> {
  await connection.exec('CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID')
  for (const schema of schemas) {
    const row = await connection.get('SELECT version FROM schema_versions WHERE name = ?', schema.name)
    const found = Number(row?.version ?? 0)
    if (found > schema.steps.length) {
      throw new DriveError('database-newer', `the database ${path} was written by a newer elastic-drive: update the program, or use another profile`)
    }
    for (const [index, step] of schema.steps.entries()) {
      if (index < found) continue
      await connection.exec(
        `BEGIN IMMEDIATE; ${step}; INSERT OR REPLACE INTO schema_versions VALUES ('${schema.name}', ${index + 1}); COMMIT`,
      )
    }
  }
}
