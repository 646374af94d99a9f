/**
 * disk.file.search (bitrix24-rest.md 5.3, docs of mid-2026): by words of the name, newest change first, through an index
 * that lags behind; no `total`. Trash and the folders of chats are left out.
 */
import { mayUse } from '../access.js'
import type { Call, Desk, Method, MethodTable } from '../desk.js'
import { PAGE_ROWS } from '../listing.js'
import { entriesOf, idOf, integerOf, textOf } from '../parameters.js'
import { RestFailure } from '../rest-failure.js'
import type { ObjectRow } from '../rows.js'

const SHORTEST_QUERY = 3
const LONGEST_QUERY = 255
const LAST_START = 1000
const INDEX_LAG_SECONDS = 30 // "through a delayed full-text index": how long is not told

const search: Method = {
  scope: 'disk',
  parameters: ['QUERY*', 'TYPE', 'FILTER', 'start'],
  hiddenBy: ({ fileSearch }) => fileSearch === 'unknown',
  run(call, desk) {
    const query = textOf(call.parameters.QUERY).trim().toLowerCase()
    if (query.length < SHORTEST_QUERY || query.length > LONGEST_QUERY) throw new RestFailure(400, 'INVALID_QUERY', 'The query must have 3 to 255 characters')
    const type = textOf(call.parameters.TYPE ?? 'file')
    if (!['file', 'folder', 'all'].includes(type)) throw new RestFailure(400, 'INVALID_TYPE', 'TYPE must be file, folder or all')
    const start = Math.min(LAST_START, Math.max(0, integerOf(call.parameters.start)))
    const found = [...searched(call, desk)]
      .filter((row) => (type === 'all' || row.type === type) && row.name.toLowerCase().includes(query) && row.updateSec <= desk.time.nowSec() - INDEX_LAG_SECONDS && mayUse(desk, call.caller.userId, row, 'read'))
      .sort((left, right) => right.updateSec - left.updateSec || right.id - left.id)
    const rows = found.slice(start, start + PAGE_ROWS)
    return { result: rows.map((row) => desk.presenter.object(row, call.caller)), ...(start + rows.length < found.length ? { next: start + rows.length } : {}) }
  },
}

/** Everything alive below the storage or the folder of FILTER, or below every storage. */
function* searched(call: Call, desk: Desk): Generator<ObjectRow> {
  const filter = entriesOf(call.parameters.FILTER)
  let rootIds = desk.tree.seed.storages.map(({ rootId }) => rootId)
  for (const [key, value] of filter) {
    const id = idOf(value)
    if (id === undefined || (key !== 'STORAGE_ID' && key !== 'FOLDER_ID')) throw new RestFailure(400, 'INVALID_FILTER', 'FILTER takes STORAGE_ID and FOLDER_ID')
    const rootId = key === 'FOLDER_ID' ? desk.tree.folder(id)?.id : desk.tree.storage(id)?.rootId
    if (rootId === undefined) throw new RestFailure(400, 'NOT_FOUND', 'The storage or folder was not found')
    rootIds = [rootId]
  }
  const waiting = rootIds
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const folder = desk.tree.folder(id)
    if (folder === undefined) continue
    for (const row of desk.tree.liveChildren(folder)) {
      yield row
      if (row.type === 'folder' && row.realId === row.id && row.code !== 'FOR_UPLOADED_FILES') waiting.push(row.id)
    }
  }
}

export const SEARCHING: MethodTable = { 'disk.file.search': search }
