import t from 'tap'
import { portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-22: five maps, each [] when empty and an object otherwise, and always 200', async (t) => {
  const portal = await portalFor(t)
  const empty = await portal.call('batch', { cmd: {} })
  t.equal(empty.status, 200)
  t.same(empty.json.result, { result: [], result_error: [], result_total: [], result_next: [], result_time: [] })
  const mixed = await portal.call('batch', { cmd: { a: 'disk.folder.get?id=31', b: 'disk.folder.get?id=999', c: 'disk.folder.getchildren?id=31' } })
  t.equal(mixed.status, 200)
  const { result, result_error, result_total, result_next, result_time } = mixed.json.result
  t.equal(result.a.ID, '31')
  t.same(result.c, [])
  t.equal(result_error.b.error, 'ERROR_NOT_FOUND')
  t.same(result_total, { c: 0 })
  t.same(result_next, [])
  t.type(result_time.a.start, 'number')
})

void t.test('E-22: each command after the fiftieth gets ERROR_BATCH_LENGTH_EXCEEDED in its slot', async (t) => {
  const portal = await portalFor(t)
  const cmd = Object.fromEntries(Array.from({ length: 52 }, (_each, index) => [`c${index + 1}`, 'server.time']))
  const { result, result_error } = (await portal.call('batch', { cmd })).json.result
  t.equal(Object.keys(result).length, 50)
  t.same(
    Object.entries(result_error).map(([key, { error }]) => [key, error]),
    [
      ['c51', 'ERROR_BATCH_LENGTH_EXCEEDED'],
      ['c52', 'ERROR_BATCH_LENGTH_EXCEEDED'],
    ],
  )
})

void t.test('E-22: halt=1 stops at the first error', async (t) => {
  const portal = await portalFor(t)
  const cmd = { a: 'server.time', b: 'disk.nothing', c: 'server.time' }
  const halted = (await portal.call('batch', { halt: 1, cmd })).json.result
  t.same(Object.keys(halted.result), ['a'])
  t.same(Object.keys((await portal.call('batch', { halt: 0, cmd })).json.result.result), ['a', 'c'])
})

void t.test('E-22: $result substitutes whole values with their type and parts as text, through nested paths', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:3x4' })
  const { result } = (
    await portal.call('batch', {
      cmd: {
        a: 'disk.folder.getchildren?id=31&order[ID]=ASC',
        b: 'disk.folder.getchildren?id=$result[a][1][ID]&order[ID]=ASC&filter[>ID]=$result[a][2][ID]',
        c: 'disk.folder.getchildren?id=31&order[ID]=ASC&filter[%3DNAME]=folder-$result[d][nothing]3',
      },
    })
  ).json.result
  t.equal(result.b.length, 4)
  t.equal(result.b[0]!.PARENT_ID, '101')
  t.equal(result.c[0]!.NAME, 'folder-3')
})

void t.test('E-22: an equals sign in a key must be encoded, as PHP wants it', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:3x0' })
  const { result } = (await portal.call('batch', { cmd: { a: 'disk.folder.getchildren?id=31&filter[=NAME]=folder-1', b: 'disk.folder.getchildren?id=31&filter[%3DNAME]=folder-1' } })).json.result
  t.equal(result.a.length, 3)
  t.equal(result.b.length, 1)
})

void t.test('E-22: a path that does not exist is empty, so a keyset listing starts anew', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x3' })
  const { result } = (await portal.call('batch', { cmd: { a: 'disk.folder.getchildren?id=100&order[ID]=ASC&filter[>ID]=$result[x][49][ID]' } })).json.result
  t.equal(result.a.length, 3)
})

void t.test('E-22: batch, upload and download are not allowed inside', async (t) => {
  const portal = await portalFor(t)
  const { result_error } = (await portal.call('batch', { cmd: { a: 'batch?cmd[x]=profile', b: 'upload', c: 'download?token=x' } })).json.result
  for (const failure of [result_error.a, result_error.b, result_error.c]) t.equal(failure.error, 'ERROR_BATCH_METHOD_NOT_ALLOWED')
})

void t.test('E-22: commands come by form too, doubly encoded, and what is no text is skipped', async (t) => {
  const portal = await portalFor(t)
  await portal.file('31', 'a b&c.txt')
  const command = `disk.folder.getchildren?id=31&filter[${encodeURIComponent('=NAME')}]=${encodeURIComponent('a b&c.txt')}`
  const body = `cmd[a]=${encodeURIComponent(command)}`
  const answer = await portal.fetch(`${portal.running.webhook}batch`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
  t.equal(answer.json.result.result.a.length, 1)
  const skipped = (await portal.call('batch', { cmd: { a: ['server.time'], b: 'server.time' } })).json.result
  t.same(Object.keys(skipped.result), ['b'])
})

void t.test('E-23: the text of a later error repeats the earlier ones, the codes do not', async (t) => {
  const portal = await portalFor(t)
  const cmd = { a: 'disk.folder.get?id=998', b: 'disk.file.get?id=999', c: 'disk.storage.get?id=x' }
  const carried = (await portal.call('batch', { cmd })).json.result.result_error
  t.match(text(carried.b.error_description), /998.*999/)
  t.equal(carried.b.error, 'ERROR_NOT_FOUND')
  t.equal(carried.c.error, 'ERROR_NOT_FOUND', 'a legitimate null becomes the last error')
  await portal.hook('traits', { batchErrorsCarryOver: false })
  const clean = (await portal.call('batch', { cmd })).json.result
  t.notMatch(text(clean.result_error.b.error_description), /998/)
  t.equal(clean.result.c, null)
})
