/**
 * Several statements that SQLite runs at once: one trip to its thread instead of one for each, and a transaction of their
 * own where nobody else waits for one. A script is a temporary view with a trigger, so it is compiled once; its parameters
 * are the view's columns, `NEW.x` in the statements. Whether anything is to be done at all is asked by `refuseUnless`.
 */

export interface Script {
  /** Of the view; unlike any table's. */
  readonly name: string
  readonly parameters: readonly string[]
  /** In order. Modules that own tables give theirs. */
  readonly statements: readonly string[]
  /** What is answered once all have run, as SQL expressions by column; `NAME.x` is the parameter x. */
  readonly answers?: Readonly<Record<string, string>>
}

/** A statement after which nothing of the script is done unless the condition holds. */
export function refuseUnless(condition: string): string {
  return `SELECT RAISE(ABORT, 'refused') WHERE NOT (${condition})`
}

/** Makes the script known to a connection. */
export function scriptDefinition({ name, parameters, statements }: Script): string {
  return `CREATE TEMP VIEW ${name} AS SELECT ${parameters.map((parameter) => `NULL AS ${parameter}`).join(', ')};
    CREATE TEMP TRIGGER ${name}_runs INSTEAD OF INSERT ON ${name} BEGIN ${statements.map((statement) => `${statement};`).join('\n')} END`
}

/** The statement that runs it, with the parameters in order. */
export function scriptCall({ name, parameters, answers = {} }: Script): string {
  const returned = Object.entries({ ran: '1', ...answers }).map(([column, expression]) => `(${expression}) AS ${column}`)
  return `INSERT INTO ${name} (${parameters.join(', ')}) VALUES (${parameters.map(() => '?').join(', ')}) RETURNING ${returned.join(', ')}`
}
