import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
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
