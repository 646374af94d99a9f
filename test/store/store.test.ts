import { access, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriveError } from '../../src/base/errors.js'
import { takeProcessLock } from '../../src/store/process-lock.js'
import { Store } from '../../src/store/store.js'

const SCHEMA = { name: 'pets', steps: ['CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)'] }

async function folder(test: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-store-'))
  test.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function open(test: Test, path: string): Promise<Store> {
  const store = await Store.open(path, [SCHEMA])
  test.teardown(() => store.close())
  return store
}

await t.test('works queued together commit together and each gets its own answer', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  const ids = await Promise.all(
    ['ada', 'bob', 'eve'].map((name) => store.transact(async (tx) => (await tx.run('INSERT INTO pets (name) VALUES (?)', name)).lastId)),
  )
  t.same(ids, [1, 2, 3])
  t.equal((await store.read.all('SELECT * FROM pets')).length, 3)
})

await t.test('a work that fails is rolled back alone, with its effects', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  const effects: string[] = []
  const outcomes = await Promise.allSettled([
    store.transact(async (tx) => {
      tx.afterCommit(() => effects.push('ada'))
      await tx.run('INSERT INTO pets (name) VALUES (?)', 'ada')
    }),
    store.transact(async (tx) => {
      tx.afterCommit(() => effects.push('twice'))
      await tx.run('INSERT INTO pets (name) VALUES (?)', 'bob')
      await tx.run('INSERT INTO pets (name) VALUES (?)', 'ada')
    }),
    store.transact((tx) => tx.run('INSERT INTO pets (name) VALUES (?)', 'eve')),
  ])
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.same((await store.read.all('SELECT name FROM pets ORDER BY id')).map((row) => row.name), ['ada', 'eve'])
  t.same(effects, ['ada'])
})

await t.test('a lone work that fails leaves the connection usable', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  await t.rejects(store.transact(() => Promise.reject(new Error('no'))))
  await store.transact((tx) => tx.run('INSERT INTO pets (name) VALUES (?)', 'ada'), { durable: true })
  t.equal((await store.read.get('SELECT count(*) AS n FROM pets'))?.n, 1)
})

await t.test('a damaged database is refused with the next step and left as it is', async (t) => {
  const path = join(await folder(t), 'db')
  await writeFile(path, 'this is not a database, not at all, and long enough to be looked at')
  await t.rejects(Store.open(path, [SCHEMA]), { code: 'database-damaged', message: /rescue/ })
  t.match(await readFile(path, 'utf8'), /^this is not/)
})

const PAGE_BYTES = 4096

/** A closed database of many pages, and what it is when a page in its middle has gone bad. */
async function manyPages(test: Test): Promise<{ path: string; whole: Buffer; bad: Buffer }> {
  const path = join(await folder(test), 'db')
  const store = await Store.open(path, [SCHEMA])
  await store.transact((tx) => tx.run(`INSERT INTO pets (name) SELECT printf('%0100d', value) FROM json_each(?)`, JSON.stringify(Array.from({ length: 2000 }, (_, index) => index))))
  await store.close()
  const whole = await readFile(path)
  const middle = Math.floor(whole.length / PAGE_BYTES / 2) * PAGE_BYTES
  return { path, whole, bad: Buffer.concat([whole.subarray(0, middle), Buffer.alloc(PAGE_BYTES, 0xff), whole.subarray(middle + PAGE_BYTES)]) }
}

const never = new AbortController().signal

await t.test('a page that went bad is found by the look after opening, and every later opening refuses until the database is whole', async (t) => {
  const { path, whole, bad } = await manyPages(t)
  await writeFile(path, bad)
  const heard: DriveError[] = []
  const store = await Store.open(path, [SCHEMA], { bootId: 'this boot', onDamage: (error) => heard.push(error) })
  await t.rejects(store.check(never), { code: 'database-damaged', message: /rescue/ })
  await t.rejects(store.check(never), { code: 'database-damaged' })
  t.same(heard.map(({ code }) => code), ['database-damaged'], 'told once')
  await store.close()
  await t.rejects(Store.open(path, [SCHEMA], { bootId: 'this boot' }), { code: 'database-damaged', message: /rescue/ })
  await t.rejects(Store.open(path, [SCHEMA], { bootId: 'this boot' }), { code: 'database-damaged' })
  t.ok((await readFile(path)).equals(bad), 'nothing is changed')
  await writeFile(path, whole)
  const again = await Store.open(path, [SCHEMA], { bootId: 'this boot' })
  await again.check(never)
  await again.close()
})

await t.test('a page that went bad and is met by reading counts as found', async (t) => {
  const { path, bad } = await manyPages(t)
  await writeFile(path, bad)
  const heard: DriveError[] = []
  const store = await Store.open(path, [SCHEMA], { bootId: 'this boot', onDamage: (error) => heard.push(error) })
  const table = store.read.all('SELECT * FROM pets NOT INDEXED')
  const index = store.read.all('SELECT name FROM pets INDEXED BY sqlite_autoindex_pets_1')
  await t.rejects(Promise.all([table, index]), { code: 'database-damaged' })
  t.equal(heard.length, 1)
  await store.close()
  await t.rejects(Store.open(path, [SCHEMA], { bootId: 'this boot' }), { code: 'database-damaged' })
})

await t.test('when the machine went down under the database all of it is looked at before anything else, when only the process died it is not', async (t) => {
  const { path, bad } = await manyPages(t)
  await writeFile(path, bad)
  await writeFile(`${path}.open`, 'this boot') // as a process leaves it that was killed
  await (await Store.open(path, [SCHEMA], { bootId: 'this boot' })).close()
  await t.rejects(access(`${path}.open`), { code: 'ENOENT' })
  await writeFile(`${path}.open`, 'this boot')
  await t.rejects(Store.open(path, [SCHEMA], { bootId: 'next boot' }), { code: 'database-damaged' })
})

await t.test('a database that was cut short is refused at once', async (t) => {
  const { path } = await manyPages(t)
  await truncate(path, (await stat(path)).size - 5 * PAGE_BYTES)
  await t.rejects(Store.open(path, [SCHEMA], { bootId: 'this boot' }), { code: 'database-damaged' })
})

await t.test('a look that is cancelled ends, and says nothing of the database', async (t) => {
  const { path } = await manyPages(t)
  const store = await open(t, path)
  await t.rejects(store.check(AbortSignal.abort()), { code: 'cancelled' })
  await store.check(never)
})

await t.test('a database of a newer program is refused', async (t) => {
  const path = join(await folder(t), 'db')
  await (await Store.open(path, [{ name: 'pets', steps: [...SCHEMA.steps, 'CREATE TABLE more (id INTEGER)'] }])).close()
  await t.rejects(Store.open(path, [SCHEMA]), { code: 'database-newer' })
})

await t.test('a process lock is held once and free after release', async (t) => {
  const path = join(await folder(t), 'lock')
  const lock = await takeProcessLock(path)
  await t.rejects(takeProcessLock(path), { code: 'already-running' })
  await lock.release()
  await (await takeProcessLock(path)).release()
})
