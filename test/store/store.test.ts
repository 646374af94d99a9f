import { access, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriveError } from '../../src/base/errors.js'
import { takeProcessLock } from '../../src/store/process-lock.js'
import { refuseUnless } from '../../src/store/script.js'
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

const ADOPT = {
  name: 'adopt',
  parameters: ['pet', 'friend'],
  statements: [refuseUnless("NEW.pet <> 'wolf'"), 'INSERT INTO pets (name) VALUES (NEW.pet)', 'INSERT INTO pets (name) VALUES (NEW.friend)'],
  answers: { id: 'SELECT id FROM pets WHERE name = adopt.friend' },
}

function adopt(store: Store, pet: string, friend: string, effects: string[] = []): Promise<number | undefined> {
  return store.runScript({
    script: ADOPT,
    values: () => [pet, friend],
    answer: (row, tx) => {
      tx.afterCommit(() => effects.push(pet))
      return Number(row.id)
    },
  })
}

const petsOf = async (store: Store): Promise<unknown[]> => (await store.read.all('SELECT name FROM pets ORDER BY id')).map(({ name }) => name)

await t.test('a script is done whole, is committed before its answer, and answers what it made', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  const effects: string[] = []
  t.equal(await adopt(store, 'ada', 'bob', effects), 2)
  t.same(effects, ['ada'])
  t.same(await petsOf(store), ['ada', 'bob'])
})

await t.test('a script that refuses, or whose second statement breaks a constraint, leaves nothing and answers nothing, alone and among others', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  const effects: string[] = []
  await adopt(store, 'ada', 'bob')
  t.equal(await adopt(store, 'wolf', 'eve', effects), undefined)
  t.equal(await adopt(store, 'eve', 'ada', effects), undefined)
  const among = await Promise.all([
    store.transact((tx) => tx.run('INSERT INTO pets (name) VALUES (?)', 'sue')),
    adopt(store, 'wolf', 'tom', effects),
    adopt(store, 'eve', 'sue', effects),
    adopt(store, 'kim', 'lee', effects),
    store.transact((tx) => tx.run('INSERT INTO pets (name) VALUES (?)', 'max')),
  ])
  t.same(among.slice(1, 3), [undefined, undefined])
  t.same(effects, ['kim'])
  t.same(await petsOf(store), ['ada', 'bob', 'sue', 'kim', 'lee', 'max'])
})

await t.test('a work that fails between scripts is rolled back alone', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  const outcomes = await Promise.allSettled([
    adopt(store, 'ada', 'bob'),
    store.transact(async (tx) => {
      await tx.run('INSERT INTO pets (name) VALUES (?)', 'eve')
      throw new Error('no')
    }),
    adopt(store, 'kim', 'lee'),
  ])
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.same(await petsOf(store), ['ada', 'bob', 'kim', 'lee'])
})

await t.test('a script asks for its values when its turn has come', async (t) => {
  const store = await open(t, join(await folder(t), 'db'))
  let name = 'early'
  const both = Promise.all([
    store.transact(async (tx) => {
      await tx.run('INSERT INTO pets (name) VALUES (?)', 'ada')
      name = 'late'
    }),
    store.runScript({ script: ADOPT, values: () => [name, 'bob'], answer: () => null }),
  ])
  await both
  t.same(await petsOf(store), ['ada', 'late', 'bob'])
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
