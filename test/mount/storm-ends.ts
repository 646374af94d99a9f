/** What must be true when a storm is over: of the portal and its whole history, of the mirror, of the mount. */
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import sqlite3 from 'sqlite3'
import type { Test } from 'tap'
import { pattern } from './model-bytes.js'
import type { Playground, TreeItem } from './playground.js'
import type { Contest, Edit } from './storm-contest.js'

const OURSELVES = 1
const COLLEAGUE = 2

interface Version {
  readonly createdBy: number
  readonly content: { readonly kind: string; readonly sizeBytes: number; readonly sha256?: string }
}

interface PortalRow {
  readonly id: number
  readonly type: 'file' | 'folder'
  readonly name: string
  readonly deletedType: number
  readonly deletedBy: number | null
  readonly versions?: readonly Version[]
}

interface PortalHistory {
  /** As they are now, the trash too. */
  readonly rows: ReadonlyMap<number, PortalRow>
  /** Sizes of contents over which the colleague wrote; the history may have joined the two (6.3). */
  readonly overwrittenByColleague: ReadonlySet<number>
}

/** From the portal's own ledger (src/portal/README.md, "State"): a line for each change since its start. */
export async function portalHistory(ground: Playground): Promise<PortalHistory> {
  const lines = (await readFile(join(ground.directory, 'portal', 'state.ndjson'), 'utf8')).split('\n').slice(1).filter((line) => line !== '')
  const rows = new Map<number, PortalRow>()
  const overwrittenByColleague = new Set<number>()
  for (const line of lines) {
    const { steps = [] } = JSON.parse(line) as { steps?: readonly { put?: PortalRow; purge?: number }[] }
    for (const { put, purge } of steps) {
      if (purge !== undefined) rows.delete(purge)
      if (put === undefined) continue
      const before = rows.get(put.id)?.versions?.[0]
      const [now] = put.versions ?? []
      if (before !== undefined && now !== undefined && before.content.sizeBytes !== now.content.sizeBytes && now.createdBy === COLLEAGUE) overwrittenByColleague.add(before.content.sizeBytes)
      rows.set(put.id, put)
    }
  }
  return { rows, overwrittenByColleague }
}

/** What the mirror says the portal has, as `portalRows` has it. */
async function mirrorRows(ground: Playground): Promise<readonly string[]> {
  const rows = await query<{ ino: number; base_parent: number | null; base_name: string; remote_id: string; kind: string; base_size: number; base_version: number }>(
    join(ground.home, 'state', 'default', 'drive.db'),
    'SELECT ino, base_parent, base_name, remote_id, kind, base_size, base_version FROM items WHERE remote_id IS NOT NULL AND excluded = 0',
  )
  const byIno = new Map(rows.map((row) => [row.ino, row]))
  const pathOf = (ino: number | null): string => {
    const row = ino === null ? undefined : byIno.get(ino)
    return row === undefined || row.base_parent === null ? '' : `${pathOf(row.base_parent)}/${row.base_name}`
  }
  return rows
    .filter(({ base_parent: parent }) => parent !== null)
    .map((row) => `${pathOf(row.ino).slice(1)} ${row.kind} ${row.remote_id} ${row.kind === 'file' ? `${row.base_size} ${row.base_version}` : ''}`)
    .sort()
}

function portalRows(items: readonly TreeItem[]): readonly string[] {
  return items.map(({ path, type, id, size, version }) => `${path} ${type} ${id} ${type === 'file' ? `${size} ${version}` : ''}`).sort()
}

const TEMPORARY_NAMES = /\.~|\.tmp|\.part$|\.sw.$/

/** Everything is sent and looked through: the portal, the mirror and what both sides did agree. `modelled`: folders that others check. Answers the contested files. */
export async function contestEnds(t: Test, ground: Playground, { contest, folder, modelled, label }: { readonly contest: Contest; readonly folder: string; readonly modelled: readonly string[]; readonly label: string }): Promise<readonly TreeItem[]> {
  const live = await ground.tree()
  t.same(await mirrorRows(ground), portalRows(live), `${label}: the mirror has the portal's ${live.length} items`)
  const history = await portalHistory(ground)
  // Trashed by the colleague while it bore a name on its way, and brought back by him: it is his file of that name now.
  t.same(live.filter(({ id, path }) => TEMPORARY_NAMES.test(path) && !contest.restored.has(id)).map(({ path }) => path), [], `${label}: no temporary name is left`)
  const contested = live.filter(({ path, type }) => type === 'file' && path.startsWith(`${folder}/`))
  t.same(contested.filter(({ size }) => !contest.edits.has(size)).map(({ path }) => path), [], `${label}: no empty file, no mixture of edits`)
  const where = live.filter(({ path }) => !modelled.some((other) => path.startsWith(`${other}/`)))
  t.same(lostEdits({ edits: contest.edits, storyOf: (sizeBytes) => contest.storyOf(sizeBytes) }, where, history), [], `${label}: ${contest.edits.size} edits of both sides are there or were let go`)
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [], `${label}: nothing is left to complain of`)
  return contested
}

/** What became of the edits that is not as it should be. */
function lostEdits({ edits, storyOf }: { readonly edits: ReadonlyMap<number, Edit>; readonly storyOf: (sizeBytes: number) => string }, live: readonly TreeItem[], { rows, overwrittenByColleague }: PortalHistory): readonly string[] {
  const faults: string[] = []
  for (const { sizeBytes, by, letGo, mayBeTrashed, mayBeOverwritten } of edits.values()) {
    const places = live.filter(({ size }) => size === sizeBytes)
    const sha256 = createHash('sha256').update(pattern(sizeBytes, sizeBytes)).digest('hex')
    for (const place of places) if (place.sha256 !== sha256) faults.push(`${place.path} has the size of an edit and not its bytes`)
    if (places.length > 1) faults.push(`the edit of ${sizeBytes} bytes is there twice: ${places.map(({ path }) => path).join(', ')}`)
    const isUnderOurs = mayBeOverwritten && wasOverwrittenByUs(sizeBytes, rows)
    if (places.length === 0 && !letGo && !isUnderOurs && !overwrittenByColleague.has(sizeBytes) && !wasTrashed(sizeBytes, rows, mayBeTrashed ? [COLLEAGUE, OURSELVES] : [COLLEAGUE])) faults.push(`the edit of ${sizeBytes} bytes by ${by} is lost: ${whereabouts(sizeBytes, rows)}\n${storyOf(sizeBytes)}`)
  }
  return faults
}

function wasTrashed(sizeBytes: number, rows: ReadonlyMap<number, PortalRow>, by: readonly number[]): boolean {
  return [...rows.values()].some(({ versions: [newest] = [], deletedBy, deletedType }) => newest?.content.sizeBytes === sizeBytes && deletedType !== 0 && deletedBy !== null && by.includes(deletedBy))
}

function wasOverwrittenByUs(sizeBytes: number, rows: ReadonlyMap<number, PortalRow>): boolean {
  return [...rows.values()].some(({ versions = [] }) => versions.some(({ createdBy }, index) => createdBy === OURSELVES && versions[index + 1]?.content.sizeBytes === sizeBytes))
}

function whereabouts(sizeBytes: number, rows: ReadonlyMap<number, PortalRow>): string {
  const found = [...rows.values()].flatMap(({ id, name, versions = [], deletedType, deletedBy }) =>
    versions.flatMap(({ content }, index) => (content.sizeBytes === sizeBytes ? [`version ${index} from the newest of ${id} "${name}"${deletedType === 0 ? '' : `, trashed by ${String(deletedBy)}`}`] : [])),
  )
  return found.length === 0 ? 'the portal never had it' : found.join('; ')
}

function query<Row>(path: string, sql: string): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(path, sqlite3.OPEN_READONLY, (opening) => {
      if (opening !== null) {
        reject(opening)
        return
      }
      database.all<Row>(sql, (failure, rows) => {
        database.close(() => {
          if (failure === null) resolve(rows)
          else reject(failure)
        })
      })
    })
  })
}
