// Inside a company: a certificate authority of its own, a proxy on the way out, limits on bandwidth (DESIGN.md R22).
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startPortal } from '../../src/portal/portal.js'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until } from './playground.js'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const MEGABYTE = 1_000_000

const fuse = skipWithout('fuse')

t.setTimeout(180_000)

await t.test('a portal behind a company\'s certificate authority is refused with words until the computer trusts it', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false, portalArguments: ['--tls'], seed: 'tree:2x3x5000' })
  const refused = await ground.cli('connect', ground.portal.webhook, '--folder', ground.folder)
  t.equal(refused.code, 1)
  t.match(refused.stderr, /NODE_EXTRA_CA_CERTS/u, 'the words say what to do')
  t.notMatch(refused.stderr, new URL(ground.portal.webhook).pathname.split('/')[3] ?? 'none', 'and do not tell the secret')

  ground.environment = { NODE_EXTRA_CA_CERTS: ground.portal.certificate ?? '' }
  await ground.connect()
  await ground.mount()
  t.equal((await ground.shell('ls; cat folder-1/file-1.dat | wc -c')).trim().split('\n').at(-1), '5000')
  await ground.shell('echo over TLS > note.txt')
  await ground.ok('sync', '--wait', '60')
  t.match(await ground.item('note.txt'), { size: 9 })
})

await t.test('through a company\'s proxy the whole drive works, and the proxy sees only the portal\'s name', fuse, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-company-'))
  const portal = await startPortal({ tls: true, host: 'portal.example', seed: 'tree:1x2x3000' })
  const { url, asked } = await startProxy(t, Number(new URL(portal.hooks).port))
  const folder = join(directory, 'Bitrix24')
  const env = { ...process.env, ELASTIC_DRIVE_HOME: join(directory, 'home'), HTTPS_PROXY: url, NO_PROXY: '', NODE_EXTRA_CA_CERTS: portal.certificatePath }
  const cli = async (...args: readonly string[]): Promise<string> => {
    const outcome = await run(process.execPath, [MAIN, ...args], { env })
    if (outcome.code !== 0) throw new Error(`${args.join(' ')}: ${outcome.stderr}`)
    return outcome.stdout
  }
  t.teardown(async () => {
    await run(process.execPath, [MAIN, 'unmount', '--force'], { env })
    await run('umount', ['-l', folder])
    await portal.close()
    await rm(directory, { recursive: true, force: true })
  })
  await cli('connect', portal.webhook, '--folder', folder)
  await cli('mount')
  t.equal((await readFile(join(folder, 'folder-1', 'file-1.dat'))).length, 3000, 'a download too')
  await cli('unmount')
  t.ok(asked.length > 0)
  t.same([...new Set(asked)], [`portal.example:${new URL(portal.url).port}`])
})

await t.test('limits on bandwidth hold for the whole mount, both ways, and can be lifted while it runs', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x2x6000000', settings: { downloadLimit: '2MB', uploadLimit: '2MB', uploadDelay: '0' } })
  await until('the folder is listed', async () => (await ground.shell('ls folder-1')).includes('file-1'))
  const limitedMs = await timed(() => ground.shell('cat folder-1/file-1.dat > /dev/null'))
  t.ok(limitedMs > 2_000, `6 MB at 2 MB/s took ${Math.round(limitedMs)} ms`)
  const upMs = await timed(async () => {
    await ground.shell(`head -c ${6 * MEGABYTE} /dev/urandom > up.bin`)
    await ground.ok('sync', '--wait', '60')
  })
  t.ok(upMs > 2_000, `6 MB up at 2 MB/s took ${Math.round(upMs)} ms`)
  t.match(await ground.item('up.bin'), { size: 6 * MEGABYTE })

  await ground.ok('settings', 'downloadLimit', 'none')
  const freeMs = await timed(() => ground.shell('cat folder-1/file-2.dat > /dev/null'))
  t.ok(freeMs < limitedMs / 2, `without the limit ${Math.round(freeMs)} ms`)
})

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now()
  await work()
  return performance.now() - begunMs
}

/** Tunnels to the port whatever name is asked for. */
async function startProxy(t: Test, port: number): Promise<{ url: string; asked: readonly string[] }> {
  const asked: string[] = []
  const open = new Set<Socket>()
  const keep = (socket: Socket): void => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => open.delete(socket))
  }
  const proxy = createServer((_request, response) => response.writeHead(400).end())
  proxy.on('connect', (message: IncomingMessage, client: Socket, head: Buffer) => {
    asked.push(message.url ?? '')
    const portal = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      portal.write(head)
      client.pipe(portal).pipe(client)
    })
    keep(client)
    keep(portal)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => proxy.close(resolve))
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked }
}
