// The main job, acceptance 4: after a day of edits the portal has what the folder has, under the same ids.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { mountTree, portalTree } from './both-trees.js'
import { Playground, until } from './playground.js'

async function settled(ground: Playground): Promise<void> {
  await ground.ok('sync', '--wait', '60')
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('after a scripted day of edits the tree of the portal equals the mount', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:12x5x3000', settings: { uploadDelay: '1' } })
  const files = (await ground.shell('find . -type f | sort')).trim().split('\n')
  const [a, b, c, d, e, f] = files as [string, string, string, string, string, string]
  const before = new Map((await ground.tree()).map((item) => [item.path, item]))
  const idOf = (path: string): string | undefined => before.get(path.slice(2))?.id

  await ground.shell(`
    echo appended >> '${a}'
    printf 'overwritten' > '${b}'
    truncate -s 100 '${c}'
    truncate -s 9000 '${d}'
    mkdir -p new/deep/er
    echo fresh > new/deep/er/fresh.txt
    : > new/empty
    mv '${e}' new/moved.bin
    mv new/moved.bin new/moved-again.bin
    rm '${f}'
    cp '${a}' copy.bin
    mv copy.bin '${b}'           # over an existing file
    rmdir new/deep/er 2>/dev/null && exit 1
    mkdir gone; rmdir gone
    echo x > 'Отчёт за год.txt'
    chmod 600 'Отчёт за год.txt'
    touch -d '2020-02-02 02:02:02' new/deep/er/fresh.txt
    setfattr -n user.mine -v yours new/empty
  `)
  t.match((await ground.shell(`stat -c '%a' 'Отчёт за год.txt'`)).trim(), '600')
  t.match(await ground.shell(`stat -c '%y' new/deep/er/fresh.txt`), /2020-02-02 02:02:02/)
  await ground.shell(`python3 - <<'PY'
import mmap, os
path = 'new/mapped.bin'
with open(path, 'wb') as f: f.truncate(8192)
fd = os.open(path, os.O_RDWR)
m = mmap.mmap(fd, 8192)
os.close(fd)
m[0:5] = b'first'
m[4096:4102] = b'second'
m.flush()
m.close()
# exclusive and appending opens
fd = os.open('new/only-once', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
os.write(fd, b'once'); os.close(fd)
try:
    os.open('new/only-once', os.O_CREAT | os.O_EXCL | os.O_WRONLY); raise SystemExit('O_EXCL opened an existing file')
except FileExistsError: pass
fd = os.open('new/only-once', os.O_WRONLY | os.O_APPEND)
os.write(fd, b' more'); os.fsync(fd); os.close(fd)
# unlinked while open
fd = os.open('new/unlinked', os.O_CREAT | os.O_RDWR)
os.write(fd, b'still here'); os.unlink('new/unlinked')
assert os.pread(fd, 100, 0) == b'still here', 'unlinked while open'
assert os.fstat(fd).st_nlink == 0
os.close(fd)
# renamed over while open
fd = os.open('new/only-once', os.O_RDONLY)
with open('new/other', 'wb') as f: f.write(b'replacement')
os.rename('new/other', 'new/only-once')
assert os.pread(fd, 100, 0) == b'once more', 'old bytes stay readable'
os.close(fd)
assert open('new/only-once','rb').read() == b'replacement'
PY`)
  await settled(ground)
  const portal = await ground.tree()
  t.same(portalTree(portal), await mountTree(ground))
  const byPath = new Map(portal.map((item) => [item.path, item]))
  t.equal(byPath.get(a.slice(2))?.id, idOf(a), 'append keeps the id')
  t.equal(byPath.get(b.slice(2))?.id, idOf(b), 'replacing by a new file keeps the id')
  t.equal(byPath.get(c.slice(2))?.id, idOf(c), 'truncate keeps the id')
  t.equal(byPath.get('new/moved-again.bin')?.id, idOf(e), 'rename and move keep the id')
  t.equal(byPath.get('new/moved-again.bin')?.version, 1, 'and make no version')
  t.equal(byPath.get(a.slice(2))?.version, 2, 'one settled edit is one version')
  t.equal(byPath.get(f.slice(2)), undefined, 'deleted')

  await ground.unmount()
  await ground.mount()
  t.same(portalTree(portal), await mountTree(ground), 'and the same after a remount')
  t.match((await ground.shell(`stat -c '%a' 'Отчёт за год.txt'`)).trim(), '600')
  t.equal(await ground.shell('getfattr --only-values -n user.mine new/empty'), 'yours')
})

const SAVES: readonly (readonly [string, string])[] = [
  ['vim', `vim -u NONE -N -es -c 'normal Goadded by vim' -c 'wq' report.txt`],
  ['vim with a backup file', `vim -u NONE -N -es -c 'set backup backupdir=. backupcopy=no' -c 'normal Goadded by vim' -c 'wq' report.txt; rm -f report.txt~`],
  ['sed -i', `sed -i 's/line/changed/' report.txt`],
  ['rsync', `cp report.txt /tmp/elastic-rsync-$$; echo more >> /tmp/elastic-rsync-$$; rsync --ignore-times /tmp/elastic-rsync-$$ report.txt; rm /tmp/elastic-rsync-$$`],
  ['a temporary file renamed over it', `echo saved > .report.txt.tmp123; mv .report.txt.tmp123 report.txt`],
  ['a temporary file with a local-only name', `echo saved > .goutputstream-ABC123; mv .goutputstream-ABC123 report.txt`],
  ['moving the original aside and deleting it', `mv report.txt report.txt~; echo saved > report.txt; rm report.txt~`],
  ['deleting and writing again', `rm report.txt; echo saved > report.txt`],
]

for (const [name, script] of SAVES) {
  // [S-12]
  await t.test(`a save by ${name} is one new version of the same id, and no temporary name reaches the portal`, fuse, async (t) => {
    const ground = await Playground.start(t, { settings: { uploadDelay: '2' } })
    await ground.act({ as: 'owner', op: 'write', path: 'report.txt', content: 'a line\nanother line\n' })
    await ground.ok('sync', '--wait', '30')
    const before = await ground.item('report.txt')
    await ground.clearRequests()
    await ground.shell(script)
    const saved = await ground.shell('cat report.txt')
    await settled(ground)
    const [after, ...others] = await ground.tree().then((items) => items.filter(({ type }) => type === 'file'))
    t.same(others, [], 'one file')
    t.equal(after?.path, 'report.txt')
    t.equal(after?.id, before?.id)
    t.equal(after?.version, 2)
    t.equal(after?.size, Buffer.byteLength(saved))
    const said = JSON.stringify((await ground.requests()).log)
    for (const mark of ['tmp', '~', 'sed', '.swp', '4913', 'goutput', '.report.txt.']) t.notMatch(said, mark, `no "${mark}" in any request`)
    t.equal((await ground.shell('ls -A')).trim(), 'report.txt')
  })
}

await t.test('a second save through a temporary file while the first is being sent keeps the id', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  await ground.act({ as: 'owner', op: 'write', path: 'report.txt', content: 'base' })
  await ground.ok('sync', '--wait', '30')
  const before = await ground.item('report.txt')
  await ground.fault({ method: 'disk.file.uploadversion', kind: 'stall', ms: 3_000 })
  await ground.shell('echo one > .goutputstream-1; mv .goutputstream-1 report.txt')
  await until('the first save is being sent', async () => (await ground.json<{ transfers: readonly unknown[] }>('status')).transfers.length === 1)
  await ground.shell('echo second > .goutputstream-2; mv .goutputstream-2 report.txt')
  await settled(ground)
  const files = (await ground.tree()).filter(({ type }) => type === 'file')
  t.same(files.map(({ path }) => path), ['report.txt'])
  t.equal(files[0]?.id, before?.id)
  t.equal(files[0]?.size, 'second\n'.length)
  t.equal(await ground.shell('cat report.txt'), 'second\n')
})

// [S-68]
await t.test('"Uploaded files" is hidden and never touched', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'demo' })
  const names = (await ground.shell('ls -A')).trim().split('\n')
  const hidden = (await ground.tree({ sha256: false })).find(({ path }) => path === 'Uploaded files')
  t.ok(hidden, 'the portal has it')
  t.notOk(names.includes('Uploaded files'))
  t.equal((await ground.attempt('mkdir "Uploaded files"')).code, 1, 'its name is taken')
})
