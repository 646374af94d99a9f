/**
 * Rows C4 (at a link), C19, C20, C23, C24, C26 and C27 of the decision table (bitrix24-desktop-sync.md 11.1): folders of other
 * drives, rights and "Uploaded files"; played by decision-rows.test.ts and its neighbours.
 */
import { readdir, readFile } from 'node:fs/promises'
import type { Test } from 'tap'
import { COLLEAGUE, COMPANY, type Row, type Stage } from './row-play.js'

const TWO = { 'cached.txt': 'cached', 'listed.txt': 'listed', 'inner/cached below.txt': 'below' }
const UPLOADED = 'Uploaded files'
const CALLED_OFF: readonly (readonly [string, typeof COMPANY | typeof COLLEAGUE, (stage: Stage) => Promise<unknown>])[] = [
  ['the link was removed on the web', COMPANY, ({ ground, folder }) => ground.act({ as: 'owner', op: 'trash', path: folder })],
  ['the colleague shares it no more', COLLEAGUE, (stage) => stage.act('unshare', '')],
  ['the right to see it was taken', COMPANY, (stage) => stage.act('rights', '', { level: 'none' })],
]

/** In the drive that it belongs to, the folder is as it was. */
async function staysThere(t: Test, { ground, storage, folder, before }: Stage): Promise<void> {
  const prefix = `${folder}/`
  const now = (await ground.tree({ storage })).filter(({ path }) => path.startsWith(prefix))
  t.same(now, [...before.values()], 'nobody else loses anything')
}

/** A single file of the company, connected, its link moved into the folder of the row. */
async function connectFile({ ground, folder }: Stage): Promise<unknown> {
  const name = `${folder} single.txt`
  await ground.act({ storage: COMPANY, op: 'write', path: name, content: 'of the company' })
  await ground.act({ as: 'owner', op: 'connect', storage: COMPANY, path: name })
  await ground.act({ as: 'owner', op: 'move', path: name, to: folder })
  return ground.act({ as: 'owner', op: 'rename', path: `${folder}/${name}`, name: 'single.txt' })
}

async function singleStays(t: Test, { ground, folder }: Stage): Promise<void> {
  t.match((await ground.tree({ storage: COMPANY })).find(({ path }) => path === `${folder} single.txt`), { version: 1 }, 'nobody else loses anything')
}

const removeLink = ({ ground, folder }: Stage): Promise<unknown> => ground.act({ as: 'owner', op: 'trash', path: `${folder}/single.txt` })
const SINGLE = { files: {}, earlier: connectFile, also: singleStays }

const READ_ONLY: Omit<Row, 'promise'> = {
  storage: COMPANY,
  files: { ...TWO, 'cached c24.txt': '1', 'listed c24.txt': '2', 'renamed.txt': '3', 'moved.txt': '4', 'tree/deep/cached.txt': '5' },
  here: `
    printf mine > 'cached c24.txt'; printf 'mine too' > 'listed c24.txt'
    mv renamed.txt other.txt; mv moved.txt inner/; rm cached.txt listed.txt; rm -r tree`,
  ends: {
    'cached.txt': { is: 'cached.txt', holds: 'cached' },
    'listed.txt': { is: 'listed.txt', holds: 'listed' },
    inner: { is: 'inner' },
    'inner/cached below.txt': { is: 'inner/cached below.txt', holds: 'below', state: 'cached' },
    'cached c24.txt': { is: 'cached c24.txt', holds: '1', state: 'placeholder' },
    'listed c24.txt': { is: 'listed c24.txt', holds: '2', state: 'placeholder' },
    'renamed.txt': { is: 'renamed.txt', holds: '3' },
    'moved.txt': { is: 'moved.txt', holds: '4' },
    tree: { is: 'tree' },
    'tree/deep': { is: 'tree/deep' },
    'tree/deep/cached.txt': { is: 'tree/deep/cached.txt', holds: '5' },
  },
  recovered: { 'cached c24.txt': 'mine', 'listed c24.txt': 'mine too' },
  also: staysThere,
}

export const ROWS_OF_OTHER_DRIVES: readonly Row[] = [
  ...(['rm -r', 'rmdir'] as const).map((command): Row => ({
    promise: `C4: a connected folder deleted here by ${command} is disconnected, and stays where it is`,
    storage: COMPANY,
    files: TWO,
    here: `folder="$PWD"; cd ..; ${command} "$folder"`,
    ends: 'gone',
    also: staysThere,
  })),
  { ...SINGLE, promise: 'C4: a connected single file deleted here is disconnected, and stays where it is', here: 'rm single.txt', ends: {} },
  { ...SINGLE, promise: 'C19: the link to a single file was removed on the web: it goes here', there: removeLink, ends: {} },
  { ...SINGLE, promise: 'C20: the link to a single file was removed on the web, and it was edited here: the edit stays as an own file', here: 'printf mine > single.txt', there: removeLink, ends: { 'single.txt': { is: 'new', holds: 'mine' } } },
  ...CALLED_OFF.map(([what, storage, there]): Row => ({
    promise: `C19: ${what}: the folder goes here, and nothing is uploaded again`,
    storage,
    files: TWO,
    there,
    ends: 'gone',
    also: staysThere,
  })),
  {
    promise: 'C19: the right to see a part of a connected folder was taken: that part goes here',
    storage: COMPANY,
    files: TWO,
    there: async (stage) => {
      for (const path of ['cached.txt', 'inner']) await stage.act('rights', path, { level: 'none' })
    },
    ends: { 'listed.txt': { is: 'listed.txt', holds: 'listed' } },
    hidden: { 'cached.txt': 'cached', inner: null, 'inner/cached below.txt': 'below' },
    also: staysThere,
  },
  ...CALLED_OFF.map(([what, storage, there], index): Row => ({
    promise: `C20: ${what}, and it was changed here: edits and new files are kept in the recovery folder, and nothing is sent there`,
    storage,
    files: { ...TWO, [`cached c20-${index}.txt`]: '1', [`listed c20-${index}.txt`]: '2', 'moved.txt': '3' },
    here: `rm listed.txt; mv cached.txt renamed.txt; mv moved.txt inner; printf mine > 'cached c20-${index}.txt'; printf 'mine too' > 'listed c20-${index}.txt'; printf new > 'inner/new c20-${index}.txt'`,
    there,
    ends: 'gone',
    recovered: { [`cached c20-${index}.txt`]: 'mine', [`listed c20-${index}.txt`]: 'mine too', [`new c20-${index}.txt`]: 'new' },
    also: staysThere,
  })),
  {
    promise: 'C23: moved there into another drive: gone from the one folder, new in the other; an edit stays as a new file',
    files: { ...TWO, 'cached edited.txt': '1' },
    earlier: async ({ ground }) => {
      await ground.act({ storage: COMPANY, op: 'mkdir', path: 'C23 target' })
      await ground.act({ storage: COMPANY, op: 'connect', path: 'C23 target' })
    },
    here: "printf mine > 'cached edited.txt'",
    there: async ({ ground, folder }) => {
      for (const path of ['cached.txt', 'listed.txt', 'inner', 'cached edited.txt']) await ground.act({ op: 'move', path: `${folder}/${path}`, toStorage: COMPANY, to: 'C23 target' })
    },
    ends: { 'cached edited.txt': { is: 'new', holds: 'mine' } },
    also: async (t, { ground }) => {
      t.same((await readdir(ground.path('C23 target'), { recursive: true })).sort(), ['cached edited.txt', 'cached.txt', 'inner', 'inner/cached below.txt', 'listed.txt'])
      t.equal(await readFile(ground.path('C23 target', 'cached edited.txt'), 'utf8'), '1')
    },
  },
  { ...READ_ONLY, promise: 'C24: what a read-only folder refuses is undone in view, and edits are kept as own copies', earlier: (stage) => stage.act('rights', '', { level: 'read' }) },
  {
    promise: 'C26: "Uploaded files" is never shown, and nobody touches it',
    files: {},
    there: ({ ground }) => ground.act({ as: 'owner', op: 'attach', name: 'from a chat.txt', content: 'sent' }),
    ends: {},
    also: async (t, { ground }) => {
      t.notOk((await readdir(ground.folder)).includes(UPLOADED))
      t.match(await ground.item(`${UPLOADED}/from a chat.txt`), { version: 1 })
    },
  },
  {
    promise: 'C27: moved there into "Uploaded files": it goes here and is not uploaded; an edit of it stays as a new file',
    files: { ...TWO, 'cached edited.txt': '1', 'listed edited.txt': '2', 'tree/cached c27.txt': '3' },
    earlier: ({ ground }) => ground.act({ as: 'owner', op: 'attach', name: 'another.txt', content: 'sent too' }),
    here: "printf mine > 'cached edited.txt'; printf 'mine too' > 'listed edited.txt'",
    there: async ({ ground, folder, row }) => {
      for (const path of ['inner', 'tree', ...Object.keys(row.files).filter((file) => !file.includes('/'))]) await ground.act({ as: 'owner', op: 'move', path: `${folder}/${path}`, to: UPLOADED })
    },
    ends: { 'cached edited.txt': { is: 'new', holds: 'mine' }, 'listed edited.txt': { is: 'new', holds: 'mine too' } },
    also: async (t, { ground, before }) => {
      const there = new Map((await ground.tree()).map((item) => [item.path, item]))
      for (const [path, { id, version }] of before) t.match(there.get(`${UPLOADED}/${path}`), { id, version }, `${path} is there as it was`)
    },
  },
]
