// The main job, acceptance 3: programs that save each in its own way, the real ones where Debian has them, all in one folder. Each save is
// one more version of the same id; nothing else is left and no name but the documents' own reaches the portal. One save
// by each of the plain ways stands in editing.test.ts.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const fuse = skipWithout('fuse')
const TEXT = 'a line\nanother line\n'

t.setTimeout(300_000) // a loaded machine is slow, not wrong

interface Save {
  readonly by: string
  /** Of the document. */
  readonly file: string
  /** Run in the drive's folder; OUT is a folder beside it, in which it may leave what it likes. */
  readonly script: string
}

const VIM = `timeout 30 vim -es -u NONE -N --cmd 'set swapfile directory=. updatecount=1 backupskip= undodir=.`
const vim = (file: string, options: string): string => `${VIM} ${options}' -c 'normal Goadded by vim' -c 'preserve' -c 'w' -c 'normal Gonce more' -c 'wq' ${file}`
const rsync = (file: string, options: string): string => `cp ${file} "$OUT/${file}"; echo more >> "$OUT/${file}"; rsync --ignore-times ${options} "$OUT/${file}" ${file}`

const SAVES: readonly Save[] = [
  { by: 'vim with its swap file and a passing backup (its own settings)', file: 'vim-1.txt', script: vim('vim-1.txt', 'nobackup writebackup backupcopy=auto') },
  { by: 'vim that moves the original aside and keeps no backup', file: 'vim-2.txt', script: vim('vim-2.txt', 'nobackup writebackup backupcopy=no') },
  { by: 'vim that writes the original in place', file: 'vim-3.txt', script: vim('vim-3.txt', 'nobackup writebackup backupcopy=yes') },
  { by: 'vim without any backup', file: 'vim-4.txt', script: vim('vim-4.txt', 'nobackup nowritebackup') },
  { by: 'vim with a backup that the person removes', file: 'vim-5.txt', script: `${vim('vim-5.txt', 'backup backupdir=. backupcopy=no')}; rm vim-5.txt~` },
  { by: 'sed -i', file: 'sed-1.txt', script: `sed -i 's/line/changed/' sed-1.txt` },
  { by: 'sed -i with a backup that the person removes', file: 'sed-2.txt', script: `sed -i.bak 's/line/changed/' sed-2.txt; rm sed-2.txt.bak` },
  { by: 'rsync', file: 'rsync-1.txt', script: rsync('rsync-1.txt', '') },
  { by: 'rsync --inplace', file: 'rsync-2.txt', script: rsync('rsync-2.txt', '--inplace') },
  { by: 'rsync --backup, the backup beside', file: 'rsync-3.txt', script: `${rsync('rsync-3.txt', '--backup')}; rm rsync-3.txt~` },
  { by: 'rsync --delay-updates', file: 'rsync-4.txt', script: rsync('rsync-4.txt', '--delay-updates') },
  {
    by: 'git, which checks out another version of a tracked file', file: 'git-1.txt',
    script: `git() { command git -c user.name=a -c user.email=a@example.com --git-dir="$OUT/git" --work-tree=. "$@"; }
      git init -q; git add git-1.txt; git commit -qm one
      git branch one; echo second > "$OUT/second"; hash=$(git hash-object -w "$OUT/second"); git update-index --cacheinfo "100644,$hash,git-1.txt"
      git commit -qm two; git checkout -q -f HEAD -- git-1.txt; test "$(cat git-1.txt)" = second`,
  },
  { by: 'GLib (gedit, GNOME Text Editor)', file: 'glib-1.txt', script: `echo 'saved by GLib' | gio save glib-1.txt` },
  { by: 'GLib with a backup that the person removes', file: 'glib-2.txt', script: `echo 'saved by GLib' | gio save --backup glib-2.txt; rm -f glib-2.txt~` },
  {
    by: 'LibreOffice', file: 'office-1.rtf',
    script: `cp office-1.rtf "$OUT/office-1.txt"; soffice -env:UserInstallation=file://"$OUT/office" --headless --convert-to rtf --outdir . "$OUT/office-1.txt" >/dev/null; grep -q rtf1 office-1.rtf`,
  },
  {
    by: 'Word (imitated)', file: 'word-1.docx',
    script: `echo lock > '~$word-1.docx'; echo 'saved by Word' > '~WRD0000.tmp'; mv word-1.docx '~WRL0001.tmp'; mv '~WRD0000.tmp' word-1.docx; rm '~WRL0001.tmp' '~$word-1.docx'`,
  },
  {
    by: 'Word with a backup copy (imitated)', file: 'word-2.docx',
    script: `echo 'saved by Word' > '~WRD0002.tmp'; mv word-2.docx 'Backup of word-2.wbk'; mv '~WRD0002.tmp' word-2.docx; rm 'Backup of word-2.wbk'`,
  },
  { by: 'Excel (imitated)', file: 'excel-1.xlsx', script: `echo lock > '~$excel-1.xlsx'; echo 'saved by Excel' > 7C3A1B00; mv excel-1.xlsx 5D4E3F21.tmp; mv 7C3A1B00 excel-1.xlsx; rm 5D4E3F21.tmp '~$excel-1.xlsx'` },
]

// [S-12]
await t.test('each editor saves one more version of the same id, and no temporary name is in any request', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' }, portalArguments: ['--plan', 'self-hosted'] })
  const out = join(ground.directory, 'out')
  await mkdir(out)
  for (const { file } of SAVES) await ground.act({ as: 'owner', op: 'write', path: file, content: TEXT })
  await ground.ok('sync', '--wait', '30')
  const before = new Map((await ground.tree()).map((item) => [item.path, item]))
  await ground.clearRequests()
  for (const { script } of SAVES) await ground.shell(`OUT='${out}'; ${script}`)
  await ground.ok('sync', '--wait', '60')

  const after = new Map((await ground.tree()).filter(({ type }) => type === 'file').map((item) => [item.path, item]))
  const names = SAVES.map(({ file }) => file)
  t.same([...after.keys()].sort(), [...names].sort(), 'nothing else is on the portal')
  t.same((await ground.shell('ls -A')).trim().split('\n').sort(), [...names].sort(), 'nothing else is here')
  for (const { by, file } of SAVES) {
    t.equal(after.get(file)?.id, before.get(file)?.id, `${by}: the same id`)
    t.equal(after.get(file)?.version, 2, `${by}: one more version`)
    t.equal(after.get(file)?.size, Buffer.byteLength(await ground.shell(`cat ${file}`)), `${by}: all of it`)
    t.notSame(await ground.shell(`cat ${file}`), TEXT, `${by}: changed`)
  }
  let said = JSON.stringify((await ground.requests()).log)
  for (const name of names) said = said.replaceAll(name, '')
  for (const mark of ['.tmp', '~', '.sw', '4913', 'goutput', '.bak', '.wbk', 'Backup', '7C3A1B00', 'sed', 'rsync', 'vim-', 'git-', 'glib-', 'office-', '.lock']) t.notMatch(said, mark, `no "${mark}" in any request`)
})
