/** What the addon offers for ordinary files. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { NativeFiles } from '../../src/base/native-addon.js'
import { temporaryFolder } from './mounted.js'

void t.test('holes can be punched and found', async (t) => {
  const files = new NativeFiles()
  const file = await open(join(await temporaryFolder(t), 'f'), 'w+')
  t.teardown(() => file.close())
  await file.write(Buffer.alloc(1 << 20, 'x'))
  t.equal(await files.punchHole(file.fd, 256 * 1024, 512 * 1024), true)
  t.equal((await file.stat()).size, 1 << 20)
  t.equal((await file.read(Buffer.alloc(4), 0, 4, 300_000)).buffer.toString('latin1'), '\0\0\0\0')
  t.equal(await files.nextHole(file.fd, 0), 256 * 1024)
  t.equal(await files.nextData(file.fd, 256 * 1024), 768 * 1024)
  t.equal(await files.nextHole(file.fd, 768 * 1024), 1 << 20)
  t.equal(await files.nextData(file.fd, 1 << 20), undefined)
  t.equal(await files.fallocate(file.fd, 0, 0, 2 << 20), true)
  t.equal((await file.stat()).size, 2 << 20)
})

void t.test('sharing blocks makes a copy, or says that this file system cannot', async (t) => {
  const files = new NativeFiles()
  const folder = await temporaryFolder(t)
  const source = await open(join(folder, 'a'), 'w+')
  const destination = await open(join(folder, 'b'), 'w+')
  t.teardown(() => Promise.all([source.close(), destination.close()]))
  await source.write('shared')
  const could = await files.reflink(source.fd, destination.fd)
  t.equal((await destination.stat()).size, could ? 6 : 0)
  await t.rejects(files.reflink(source.fd, 999_999), { code: 'internal' }, 'a bad descriptor is a bug, not a lack')
})
