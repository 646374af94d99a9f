/**
 * The vendor's article on Bitrix24.Drive, statement by statement, as far as nobody disconnects: what is on the portal appears
 * here; after a pause, a lost network or an unmounted drive deletions are applied and not undone; what is connected on the web
 * appears, and "Uploaded files" never does.
 */
import { readdir } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until, type TreeItem } from './playground.js'

const COMPANY = '13'
const RESETS = 1_000_000
const SOON_MS = 60_000 // it is within 15 s; a loaded machine is slow, not wrong
const FILES = ['cached.txt', 'listed.txt', 'folder/cached.txt', 'folder/listed.txt', 'both/cached.txt', 'both/listed.txt', 'stays.txt']
const SHARED = 'Shared'
const LEFT = [SHARED, `${SHARED}/stays.txt`, 'stays.txt']
const inFolderOf = (storage: string): string => (storage === COMPANY ? `${SHARED}/` : '')

const fuse = skipWithout('fuse')

t.setTimeout(180_000)

/** Files of which some have their bytes here, in the own drive and in a folder that the company shares; `stays` stays. */
async function smallDrive(t: Test): Promise<Playground> {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const storage of [ground.portal.storage, COMPANY]) {
    for (const path of FILES) await ground.act({ as: 'owner', op: 'write', storage, path: inFolderOf(storage) + path, content: path })
  }
  await ground.act({ as: 'owner', op: 'connect', storage: COMPANY, path: SHARED })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('find . -name cached.txt -exec cat {} + > /dev/null')
  return ground
}

const shown = async (ground: Playground): Promise<readonly string[]> => (await readdir(ground.folder, { recursive: true })).sort()

async function onPortal(ground: Playground): Promise<readonly string[]> {
  const trees = await Promise.all([ground.portal.storage, COMPANY].map((storage) => ground.tree({ storage })))
  return [...new Set(trees.flat().map(({ path }) => path))].sort()
}

async function trashThere(ground: Playground): Promise<readonly TreeItem[]> {
  const trashed: TreeItem[] = []
  for (const storage of [ground.portal.storage, COMPANY]) {
    for (const path of ['cached.txt', 'listed.txt', 'folder', 'both']) trashed.push(await ground.act({ op: 'trash', storage, path: inFolderOf(storage) + path }))
  }
  return trashed
}

/** How the two sides are kept from hearing of each other, and how they hear again. */
const PARTINGS: readonly (readonly [string, (ground: Playground) => Promise<unknown>, (ground: Playground) => Promise<unknown>])[] = [
  ['on a synchronization pause', (ground) => ground.ok('pause'), (ground) => ground.ok('resume')],
  ['without a network connection', loseNetwork, (ground) => ground.clearFaults()],
  ['unmounted', (ground) => ground.unmount(), (ground) => ground.mount()],
]

async function loseNetwork(ground: Playground): Promise<void> {
  await ground.fault({ method: '*', kind: 'reset', times: RESETS })
  await ground.ok('sync') // a look, so that it is noticed soon
  await until('the portal is known to be away', async () => (await ground.json<{ connection: string }>('status')).connection === 'offline', SOON_MS)
}

for (const [how, part, meet] of PARTINGS) {
  await t.test(`deleted there, and some of it here too, while we were ${how}: "Previously deleted files will not be restored"`, fuse, async (t) => {
    const ground = await smallDrive(t)
    await part(ground)
    const trashed = await trashThere(ground)
    if (how !== 'unmounted') await ground.shell(`rm -r both ${SHARED}/both`)
    await ground.clearRequests()
    await meet(ground)
    await until('the deletions are applied by themselves', async () => (await shown(ground)).join() === LEFT.join(), SOON_MS)
    await ground.ok('sync', '--wait', '60')
    t.same(await shown(ground), LEFT)
    t.same(await onPortal(ground), LEFT, 'not uploaded again')
    t.same(Object.keys((await ground.requests()).methods).filter((method) => /upload|addsubfolder|restore|copy/u.test(method)), [])
    for (const { id, type } of trashed) {
      const answer = await fetch(`${ground.portal.webhook}disk.${type}.get?id=${id}`)
      t.match(await answer.json(), { result: { DELETED_TYPE: '3' } }, 'what was deleted lies in the trash')
    }
  })
}

await t.test('online', fuse, async (t) => {
  const ground = await smallDrive(t)
  for (const path of ['Contracts/one.txt', 'Contracts/old/two.txt', 'price.txt', 'Secret/three.txt']) await ground.act({ storage: COMPANY, op: 'write', path, content: `${path} of the company` })
  await ground.ok('sync', '--wait', '60')
  const before = await shown(ground)
  t.notOk(before.some((path) => /Contracts|price|Secret/u.test(path)), '"you will need to connect them to My Drive first"')
  await ground.act({ op: 'write', path: 'uploaded.txt', content: 'by a colleague' })
  await ground.act({ op: 'write', path: 'folder/uploaded below.txt', content: 'by a colleague, too' })
  for (const path of ['Contracts', 'price.txt']) await ground.act({ as: 'owner', op: 'connect', storage: COMPANY, path })
  const connected = ['Contracts', 'Contracts/old', 'Contracts/old/two.txt', 'Contracts/one.txt', 'price.txt']
  const uploaded = ['folder/uploaded below.txt', 'uploaded.txt']
  await until('everything is here by itself', async () => (await shown(ground)).length === before.length + connected.length + uploaded.length, SOON_MS)
  const news = (await shown(ground)).filter((path) => !before.includes(path))

  await t.test('"When you upload a file to your Bitrix24 account, it is automatically added to the local folder on your computer"', async (t) => {
    t.same(news.filter((path) => path.includes('uploaded')), uploaded)
    t.equal(await ground.shell('cat uploaded.txt; echo; cat "folder/uploaded below.txt"'), 'by a colleague\nby a colleague, too')
  })

  await t.test('a folder and a single file of the Company Drive appear after "Connect to Drive", and edits go there', async (t) => {
    t.same(news.filter((path) => !path.includes('uploaded')), connected)
    t.equal(await ground.shell('cat Contracts/old/two.txt price.txt'), 'Contracts/old/two.txt of the companyprice.txt of the company')
    await ground.shell('printf mine > Contracts/one.txt; printf "mine too" > price.txt; printf new > Contracts/new.txt')
    await ground.ok('sync', '--wait', '60')
    const company = new Map((await ground.tree({ storage: COMPANY })).map((item) => [item.path, item]))
    t.match(company.get('Contracts/one.txt'), { size: 4, version: 2 })
    t.match(company.get('price.txt'), { size: 8, version: 2 })
    t.match(company.get('Contracts/new.txt'), { size: 3 })
  })
})

await t.test('"The Uploaded files folder is not synced": not its old files, not new ones, not after a pause', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false })
  const attach = (name: string): Promise<TreeItem> => ground.act({ as: 'owner', op: 'attach', name, content: 'sent in a chat' })
  await attach('old.txt')
  await ground.connect()
  await ground.mount()
  await ground.act({ op: 'write', path: 'file.txt', content: 'a file' })
  await ground.ok('sync', '--wait', '60')
  await attach('new.txt')
  await ground.ok('pause')
  await attach('newer.txt')
  await ground.act({ op: 'rename', path: 'Uploaded files', name: 'Renamed' })
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), ['file.txt'])
  t.not((await ground.attempt('ls "Uploaded files" Renamed')).code, 0)
  t.same((await ground.tree()).map(({ path }) => path).sort(), ['Renamed', 'Renamed/new.txt', 'Renamed/newer.txt', 'Renamed/old.txt', 'file.txt'])
  t.same((await ground.requests()).methods.download, undefined)
})
