// vim in the mount (acceptance: real programs pass), with its swap file, backup and undo file switched on.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Playground } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('vim saves a new version, undoes over sessions, and recovers from its swap file after it was killed', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })
  // Below a temporary directory vim makes no backup unless told.
  const vim = (...commands: readonly string[]): string =>
    `timeout 30 vim -es -u NONE -N --cmd 'set swapfile backup writebackup undofile backupskip=' ${commands.map((command) => `-c '${command}'`).join(' ')} letter.txt`
  await ground.act({ as: 'owner', op: 'write', path: 'letter.txt', content: 'one\ntwo\n' })
  await ground.ok('sync', '--wait', '30')
  const before = await ground.item('letter.txt')

  await ground.shell(vim('%s/two/zwei/', 'w', 'normal Godrei', 'wq'))
  t.equal(await ground.shell('cat letter.txt'), 'one\nzwei\ndrei\n')
  t.equal((await ground.shell('ls -A')).trim(), '.letter.txt.un~\nletter.txt\nletter.txt~')
  await ground.shell(vim('undo', 'wq'))
  t.equal(await ground.shell('cat letter.txt'), 'one\nzwei\n', 'undone in another session')

  const killed = await ground.attempt(vim('normal Gounsaved', 'preserve', 'silent !kill -9 $PPID'))
  t.notSame(killed.code, 0)
  t.equal(await ground.shell('cat letter.txt'), 'one\nzwei\n')
  await ground.shell(vim('wq').replace('vim ', 'vim -r '))
  t.equal(await ground.shell('cat letter.txt'), 'one\nzwei\nunsaved\n')
  await ground.shell('rm .letter.txt.sw*')

  await endsEqual(t, ground)
  const after = await ground.item('letter.txt')
  t.equal(after?.id, before?.id)
  t.equal(after?.version, 2, 'one new version of the same file')
})
