import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LogFile } from '../../src/daemon/log-file.js'

await t.test('a log that has grown is set aside, the oldest goes, and lines are never cut', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-log-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'daemon.log')
  const log = new LogFile(path, 25)
  for (let number = 0; number < 12; number += 1) log.write(`line ${number}....\n`)
  log.close()
  t.same((await readdir(directory)).sort(), ['daemon.log', 'daemon.log.1', 'daemon.log.2', 'daemon.log.3'])
  t.equal(await readFile(path, 'utf8'), 'line 10....\nline 11....\n')
  t.equal(await readFile(`${path}.1`, 'utf8'), 'line 8....\nline 9....\n')
  t.equal((await stat(path)).mode & 0o777, 0o600)
})

await t.test('a log goes on where the last daemon ended, and a closed one takes no harm', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-log-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'daemon.log')
  for (const line of ['one\n', 'two\n']) {
    const log = new LogFile(path)
    log.write(line)
    log.close()
    log.write('lost\n')
  }
  t.equal(await readFile(path, 'utf8'), 'one\ntwo\n')
})
