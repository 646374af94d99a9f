/** Files of the cache lent to the engine, when the mount goes before anybody called them back. */
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/base/clock.js'
import type { ContentId } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { LateNotices } from '../../src/engine/late-notices.js'
import { mountNative } from '../../src/engine/mount-native.js'
import { LateAnswers } from '../../src/engine/native-answers.js'
import { LateFiles } from '../../src/engine/native-files.js'
import type { Handle } from '../../src/fs/operations.js'
import { skipWithout } from '../support/skip.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { owner, temporaryFolder } from './mounted.js'

const CONTENT = 1 as ContentId
const UNTOUCHED = 2 as ContentId

void t.test('what was written directly before an unmount by force is told to whoever lent the file', skipWithout('fuse'), async (t) => {
  const folder = await temporaryFolder(t)
  const cacheDirectory = join(await temporaryFolder(t), 'cache')
  for (const content of [CONTENT, UNTOUCHED]) {
    await mkdir(join(cacheDirectory, `0${content}`), { recursive: true })
    await writeFile(join(cacheDirectory, `0${content}`, String(content)), 'base')
  }
  const fileSystem = new MemoryFileSystem(owner)
  fileSystem.tree.add(fileSystem.tree.root, 'f', 'file', 0o644)
  const native = { answers: new LateAnswers(), files: new LateFiles(), cacheDirectory }
  const { files } = native
  const engine = await mountNative({ fileSystem, folder, fsName: 'memory', readOnly: false, allowOther: false, notices: new LateNotices(), native, clock: systemClock, log: silentLog })
  t.teardown(() => engine.unmount({ force: true }))

  const file = await open(join(folder, 'f'), 'r+')
  // Whichever the file got.
  for (let handle = 1; handle < 10; handle += 1) files.attach(handle as Handle, CONTENT, true)
  files.attach(10 as Handle, UNTOUCHED, true)
  t.equal(files.lend(CONTENT, 100), true)
  t.equal(files.lend(UNTOUCHED, 100), true)
  await file.write('written directly', 0)
  t.notOk(fileSystem.calls.get('write'))
  await engine.unmount({ force: true })
  await file.close().catch(() => undefined) // the connection is gone

  t.equal(files.figures(CONTENT)?.sizeBytes, 16)
  t.equal(files.recall(CONTENT), true)
  t.equal(files.recall(CONTENT), false, 'told once')
  t.equal(files.recall(UNTOUCHED), false)
  t.equal(files.lend(CONTENT, 200), false, 'nobody is there any more')
  t.equal(await readFile(join(cacheDirectory, '01', '1'), 'utf8'), 'written directly')
})
