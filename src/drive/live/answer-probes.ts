/** Probes of what the portal makes of parameters, lists and batches. They change nothing but what they list. */
import { isObject } from '../../rest/envelope.js'
import { phpQuery } from '../../rest/php-query.js'
import type { Probe } from './probe.js'
import { textOf, type Row, type Scratch } from './scratch.js'

const LISTED = 8
const MISSING = '999999999999'

export const ANSWER_PROBES: readonly Probe[] = [
  {
    trait: 'envelopeTime',
    item: 'E-8',
    about: 'answers have `time`',
    run: async (scratch) => ((await scratch.ask('profile', {})).time === undefined ? 'absent' : 'present'),
  },
  {
    trait: 'valueTypes',
    item: 'E-24',
    about: 'numbers of rows are texts, or numbers where they were just set, or numbers',
    run: async (scratch) => {
      const made = await scratch.row('disk.folder.addsubfolder', { id: scratch.folderId, data: { NAME: scratch.newName() } })
      const read = await scratch.row('disk.folder.get', { id: textOf(made, 'ID') })
      if (typeof read.ID === 'number') return 'numbers'
      return typeof made.ID === 'number' ? 'as-source' : 'texts'
    },
  },
  {
    trait: 'zoneMinutes',
    item: 'E-26',
    about: 'the zone of dates, in minutes',
    run: async (scratch) => {
      const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)$/u.exec(textOf(await scratch.row('disk.folder.get', { id: scratch.folderId }), 'CREATE_TIME')) ?? []
      return sign === undefined ? undefined : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
    },
  },
  {
    trait: 'fileSearch',
    item: '5.3',
    about: 'disk.file.search',
    run: async (scratch) => ((await scratch.refusal(scratch.ask('disk.file.search', { QUERY: 'elastic' })))?.portalCode === 'ERROR_METHOD_NOT_FOUND' ? 'unknown' : 'known'),
  },
  {
    trait: 'negativeStart',
    item: 'E-15',
    about: 'start=-1 of a list still counts',
    run: async (scratch) => {
      const { total } = await scratch.ask('disk.folder.getchildren', { id: scratch.folderId, start: -1 })
      return total === undefined ? 'has-no-total' : 'counts'
    },
  },
  {
    trait: 'unorderedListing',
    item: 'E-16',
    about: 'the order of a list that none was asked for',
    run: async (scratch) => {
      await fill(scratch)
      for (let at = 0; at < 3; at += 1) if (!isAscending(await ids(scratch, {}))) return 'shuffled'
      return 'by-id'
    },
  },
  {
    trait: 'unknownOrderColumn',
    item: 'E-17',
    about: 'a column that does not exist, in `order`',
    run: async (scratch) => ((await scratch.refusal(ids(scratch, { NO_SUCH_COLUMN: 'ASC' }))) === undefined ? 'ignored' : 'error'),
  },
  {
    trait: 'syncTimeOrder',
    item: 'E-17',
    about: 'the hidden column SYNC_UPDATE_TIME in `order`',
    run: async (scratch) => {
      if ((await scratch.refusal(ids(scratch, { SYNC_UPDATE_TIME: 'ASC' }))) !== undefined) return 'unknown'
      // Taken or ignored? In a folder with a younger item the order tells.
      await scratch.tick()
      const youngest = textOf(await scratch.row('disk.folder.addsubfolder', { id: scratch.folderId, data: { NAME: scratch.newName() } }), 'ID')
      for (let at = 0; at < 3; at += 1) {
        if ((await ids(scratch, { SYNC_UPDATE_TIME: 'DESC' }))[0] !== youngest || (await ids(scratch, { SYNC_UPDATE_TIME: 'ASC' }))[0] === youngest) return 'unknown'
      }
      return 'accepted'
    },
  },
  {
    trait: 'listOperators',
    item: 'E-18',
    about: 'the operator @ of filters',
    run: async (scratch) => {
      await fill(scratch)
      const all = await ids(scratch, { ID: 'ASC' })
      const [first = ''] = all
      const found = await scratch.rows('disk.folder.getchildren', { id: scratch.folderId, filter: { '@ID': [first] }, order: { ID: 'ASC' } })
      if (found.length === 1 && all.length > 1) return 'honoured'
      return found.length === all.length ? 'ignored' : undefined
    },
  },
  {
    trait: 'batchMissingPath',
    item: 'E-22',
    about: 'a reference in a batch to what an answer does not have',
    run: async (scratch) => {
      await fill(scratch) // an empty value may be no filter at all
      const name = '$result[a][NOPE]'
      await scratch.ask('disk.folder.addsubfolder', { id: scratch.folderId, data: { NAME: name } })
      const found = await batch(scratch, {
        a: `disk.folder.get?id=${scratch.folderId}`,
        b: `disk.folder.getchildren?${phpQuery({ id: scratch.folderId, order: { ID: 'ASC' }, filter: { '=NAME': name } })}`,
      })
      const rows = isObject(found.result) ? found.result.b : undefined
      if (!Array.isArray(rows)) return undefined
      const [only, ...others] = rows as readonly unknown[]
      return others.length === 0 && isObject(only) && only.NAME === name ? 'literal' : 'empty'
    },
  },
  {
    trait: 'batchErrorsCarryOver',
    item: 'E-23',
    about: 'errors of earlier commands of a batch stand in the text of later ones',
    run: async (scratch) => {
      const { result_error: errors } = await batch(scratch, { a: `disk.file.get?id=${MISSING}1`, b: `disk.file.get?id=${MISSING}2` })
      const later = isObject(errors) && isObject(errors.b) ? errors.b.error_description : undefined
      return typeof later === 'string' ? later.includes(`${MISSING}1`) : undefined
    },
  },
  {
    trait: 'nonNumericStorageId',
    item: '2.3',
    about: 'disk.storage.get with an id that is no number',
    run: async (scratch) => {
      const asked = scratch.ask('disk.storage.get', { id: 'none' })
      if ((await scratch.refusal(asked)) !== undefined) return 'not-found'
      return (await asked).result === null ? 'null' : undefined
    },
  },
]

/** So many folders that their order says something. */
async function fill(scratch: Scratch): Promise<void> {
  const there = (await ids(scratch, { ID: 'ASC' })).length
  for (let at = there; at < LISTED; at += 1) await scratch.ask('disk.folder.addsubfolder', { id: scratch.folderId, data: { NAME: scratch.newName() } })
}

async function ids(scratch: Scratch, order: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const rows = await scratch.rows('disk.folder.getchildren', { id: scratch.folderId, ...(Object.keys(order).length === 0 ? {} : { order }) })
  return rows.map((row) => textOf(row, 'ID'))
}

function isAscending(values: readonly string[]): boolean {
  return values.every((value, at) => at === 0 || Number(values[at - 1]) < Number(value))
}

async function batch(scratch: Scratch, cmd: Readonly<Record<string, string>>): Promise<Row> {
  return scratch.row('batch', { halt: 0, cmd })
}
