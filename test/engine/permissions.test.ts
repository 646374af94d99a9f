/** Who may enter a mount, and what writing takes away. Needs root, to be somebody else. */
import { chmod, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AS_NOBODY, NOBODY } from '../support/ordinary-user.js'
import { skipWithout } from '../support/skip.js'
import { Child } from './children.js'
import { isRoot, nativeMounted } from './mounted.js'

const options = isRoot ? skipWithout('fuse') : { skip: 'needs root' }

async function asNobody(t: Test, script: string, ...args: readonly string[]): Promise<string> {
  const [setpriv, ...user] = AS_NOBODY
  const { stdout, stderr } = await new Child(t, setpriv, [...user, '/bin/sh', '-c', script, 'sh', ...args]).ended
  return stdout + stderr
}

void t.test('another user stays out, unless the mount lets others in; then mode bits decide', options, async (t) => {
  const closed = await nativeMounted(t)
  await chmod(closed.folder, 0o755)
  t.match(await asNobody(t, 'ls "$1"', closed.folder), /Permission denied/i)
  const { folder, fileSystem } = await nativeMounted(t, { allowOther: true })
  await writeFile(join(folder, 'open'), 'for all', { mode: 0o644 })
  await writeFile(join(folder, 'closed'), 'for one', { mode: 0o600 })
  t.equal(await asNobody(t, 'cat "$1/open"', folder), 'for all')
  t.match(await asNobody(t, 'cat "$1/closed"', folder), /Permission denied/i)
  t.match(await asNobody(t, 'echo x > "$1/new"', folder), /Permission denied|cannot create/i)
  await chmod(folder, 0o777)
  t.equal(await asNobody(t, 'echo x > "$1/new"; stat -c %u "$1/new"', folder), `${NOBODY}\n`)
  t.equal(fileSystem.tree.child(fileSystem.tree.root, 'new').gid, NOBODY, 'the filesystem was told who asks')
})

void t.test('a write and a truncation by somebody without the right take the set-id bits away', options, async (t) => {
  const { folder } = await nativeMounted(t, { allowOther: true })
  for (const [name, script, mode] of [
    ['written', 'echo x >> "$1"', 0o777],
    ['truncated', 'truncate -s 1 "$1"', 0o777],
    ['emptied', ': > "$1"', 0o777],
    ['read', 'cat "$1"', 0o6777],
  ] as const) {
    const file = join(folder, name)
    await writeFile(file, 'program')
    await chmod(file, 0o6777)
    await asNobody(t, script, file)
    t.equal((await stat(file)).mode & 0o7777, mode, name)
  }
  const own = join(folder, 'own')
  await writeFile(own, 'program')
  await chmod(own, 0o6777)
  await writeFile(own, 'by root', { flag: 'a' })
  t.equal((await stat(own)).mode & 0o7777, 0o6777, 'root may')
})
