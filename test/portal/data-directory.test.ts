import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startPortal, type RunningPortal } from '../../src/portal/portal.js'
import { TestPortal, base64 } from './drive-client.js'
import { text, type Json } from './json.js'

type Test = Pick<typeof t, 'teardown'>

async function freshDirectory(test: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'elastic-drive-test-'))
  test.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function open(test: Test, dataDir: string, seed = 'empty'): Promise<TestPortal> {
  const running = await startPortal({ dataDir, seed, plan: 'self-hosted' })
  test.teardown(() => running.close())
  return new TestPortal(running)
}

const tree = async (portal: TestPortal): Promise<string> => JSON.stringify(await portal.hook('tree'))

void t.test('with a directory, files, versions, trash, rights, webhook and ids survive a restart', async (t) => {
  const dir = await freshDirectory(t)
  const first = await open(t, dir, 'tree:3x2')
  const file = await first.file('31', 'a.txt', 'one')
  await first.hook('traits', { versionsAreJoined: false })
  await first.result('disk.file.uploadVersion', { id: file.ID, fileContent: base64('two') })
  const gone = await first.file('31', 'gone.txt')
  await first.result('disk.file.delete', { id: gone.ID })
  await first.result('disk.folder.markDeleted', { id: 101 })
  await first.act('write', { as: 'colleague', storage: '12', path: 'P/x.txt', content: 'x' })
  const link = await first.act('share', { as: 'colleague', storage: '12', path: 'P', level: 'read' })
  const before = await tree(first)
  const { webhook } = first.running
  await first.running.close()

  const second = await open(t, dir, 'empty')
  t.equal(new URL(second.running.webhook).pathname, new URL(webhook).pathname)
  t.equal(await tree(second), before)
  const versions = await second.result('disk.file.getVersions', { id: file.ID })
  t.same(await Promise.all(versions.map(async (each) => (await second.fetch(text(each.DOWNLOAD_URL))).text)), ['two', 'one'])
  t.equal((await second.result('disk.folder.get', { id: 101 })).DELETED_TYPE, '3')
  t.equal((await second.call('disk.folder.addSubFolder', { id: link.id, data: { NAME: 'x' } })).status, 403)
  t.ok(Number((await second.file('31', 'new.txt')).ID) > Number(link.id), 'ids go on')
  t.equal((await second.call('disk.file.get', { id: gone.ID })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('kill -9 loses nothing that was answered, and leaves no stray contents', async (t) => {
  const dir = await freshDirectory(t)
  const program = `
    import { startPortal } from ${JSON.stringify(new URL('../../src/portal/portal.js', import.meta.url).href)}
    const portal = await startPortal({ dataDir: ${JSON.stringify(dir)}, plan: 'self-hosted' })
    console.log(JSON.stringify(portal))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const portal = new TestPortal(JSON.parse(line) as RunningPortal)
  const answered: string[] = []
  const ended = once(child, 'exit')
  const uploads = Array.from({ length: 4 }, async (_each, worker) => {
    for (let number = 0; ; number += 1) {
      const made: Json = await portal.file('31', `f-${worker}-${number}.txt`, `content ${worker} ${number}`)
      answered.push(text(made.NAME))
      if (answered.length === 40) child.kill('SIGKILL')
    }
  })
  await Promise.allSettled(uploads)
  await ended
  const again = await open(t, dir)
  const items = (await again.hook('tree')).map((item) => text(item.path))
  t.ok(answered.length >= 40)
  t.same(answered.filter((name) => !items.includes(name)), [])
  const blobs = (await readdir(join(dir, 'contents'), { withFileTypes: true, recursive: true })).filter((entry) => entry.isFile())
  t.equal(blobs.length, items.length)
})

void t.test('a line torn by a crash is dropped, a damaged one in the middle is told', async (t) => {
  const dir = await freshDirectory(t)
  const first = await open(t, dir)
  await first.file('31', 'a.txt')
  const before = await tree(first)
  await first.running.close()
  await appendFile(join(dir, 'state.ndjson'), '{"steps":[{"put":{"id":1')
  await mkdir(join(dir, 'contents', 'zz'))
  for (const stray of ['zz/zzorphan', 'incoming/half']) await writeFile(join(dir, 'contents', stray), 'x')
  const second = await open(t, dir)
  t.equal(await tree(second), before)
  const left = (await readdir(join(dir, 'contents'), { withFileTypes: true, recursive: true })).filter((entry) => entry.isFile())
  t.equal(left.length, 1, 'contents without a row are swept out')
  await second.running.close()
  await appendFile(join(dir, 'state.ndjson'), 'nonsense\n{}\n')
  await t.rejects(startPortal({ dataDir: dir }), { code: 'database-damaged' })
})

void t.test('two portals do not share a directory or a port', async (t) => {
  const dir = await freshDirectory(t)
  const first = await open(t, dir)
  await t.rejects(startPortal({ dataDir: dir }), { code: 'already-running' })
  await t.rejects(startPortal({ port: Number(new URL(first.running.url).port) }), { code: 'already-running' })
  await first.running.close()
  await (await open(t, dir)).running.close()
})

void t.test('without a directory nothing is left behind', async (t) => {
  const ours = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith(`elastic-drive-portal-`))
  const before = await ours()
  const running = await startPortal()
  const made = (await ours()).filter((name) => !before.includes(name))
  t.ok(made.length >= 1)
  await new TestPortal(running).file('31', 'a.txt')
  await running.close()
  const mine = (await ours()).filter((name) => made.includes(name))
  t.ok(mine.length < made.length)
})
