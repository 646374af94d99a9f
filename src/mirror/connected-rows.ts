/**
 * Folders of other storages that were connected here (R6): each is a folder of the root that only this computer has, because
 * REST cannot make the link (bitrix24-rest.md 9.2). Its row is that of a link whose own id no portal has given, so that
 * what holds for links holds for it, and the portal is asked about the folder it leads to instead (`askedId`). The row is the
 * connection: it comes and goes, and gets another name, in one transaction and with no request.
 */
import { asRemoteId, ROOT_INO, type Ino, type RemoteId, type StorageId } from '../base/ids.js'
import { isLongerThanShown } from '../base/names.js'
import type { RemoteFolder } from '../drive/drive.js'
import type { Reader, Transaction } from '../store/store.js'
import type { MirrorDelta } from './delta.js'
import { ITEM_COLUMNS, shownName, type Base, type Item } from './item.js'
import { query } from './item-queries.js'
import type { Mirror } from './mirror.js'
import { readUnselected } from './selection-rows.js'
import { readFact, writeFact } from './side-tables.js'

/** What is kept of a connection where there is no database. */
export interface Connection {
  /** The folder it leads to: a storage's root, or a folder of it. */
  readonly realId: RemoteId
  readonly storageId: StorageId
  /** Under which it is shown in the root. */
  readonly name: string
  /** Under which it would be, were that free. */
  readonly wished: string
  /** As the portal names it when it is connected: `Company`, `Company/Reports`. */
  readonly source: string
}

const PREFIX = 'connected-'
/** The first id behind all of them: the character after the hyphen. */
const BEHIND = 'connected.'

export function connectedId(realId: RemoteId): RemoteId {
  return asRemoteId(PREFIX + realId)
}

export function isConnected({ base }: Pick<Item, 'base'>): boolean {
  return base?.id.startsWith(PREFIX) === true
}

/** The id by which the portal knows what the row is about. */
export function askedId({ id, realId }: Pick<Base, 'id' | 'realId'>): RemoteId {
  return id.startsWith(PREFIX) ? realId : id
}

/** As the root would list it, were it a link of the portal's. */
export function asLink({ realId, storageId, name }: Pick<Connection, 'realId' | 'storageId' | 'name'>): RemoteFolder {
  return { kind: 'folder', id: connectedId(realId), realId, name, code: null, storageId, parentId: null, deletedType: 0, createdMs: 0, updatedMs: 0, createdBy: '0', updatedBy: '0', detailUrl: null }
}

/** Their rows, those that are about to go (`deleted`) or are hidden behind another folder (`excluded`) too. */
export function readConnected(reader: Reader): Promise<readonly Item[]> {
  return query(reader, `SELECT ${ITEM_COLUMNS} FROM items WHERE remote_id > ? AND remote_id < ? ORDER BY ino`, PREFIX, BEHIND)
}

export async function readConnections(reader: Reader): Promise<readonly Connection[]> {
  const connections: Connection[] = []
  for (const { base, name, deleted } of await readConnected(reader)) {
    if (base === null || deleted) continue
    const { source, wished } = await readRemembered(reader, base.realId, name)
    connections.push({ realId: base.realId, storageId: base.storageId, name, source, wished })
  }
  return connections
}

/**
 * Other rows through which the same folder of the portal is reached, as long as they are: shown, or deleted here and not yet
 * there. One that a person does not want counts as well: no other takes its place.
 */
export async function othersLeadingTo(mirror: Mirror, reader: Reader, { id, realId }: Pick<Base, 'id' | 'realId'>): Promise<readonly Item[]> {
  const others = (await mirror.foldersOfRealId(realId, reader)).filter(({ base }) => base !== null && base.id !== id)
  if (others.length === 0) return others
  const unselected = await readUnselected(reader)
  return others.filter(({ base, excluded }) => !excluded || (base !== null && unselected.has(base.id)))
}

/** Hidden where the folder is reached another way already (13.2: one real folder is shown once). */
export async function insertConnection(mirror: Mirror, tx: Transaction, connection: Connection): Promise<Item> {
  const { realId } = connection
  const name = await freeRootName(mirror, tx, connection.name, realId)
  const isDeselected = (await readUnselected(tx)).has(connectedId(realId))
  const hidden = !isDeselected && (await othersLeadingTo(mirror, tx, { id: connectedId(realId), realId })).length > 0
  const ino = await mirror.insertRemote(tx, ROOT_INO, name, asLink({ ...connection, name }), { excluded: hidden || isDeselected })
  await remember(tx, realId, { source: connection.source, wished: connection.wished, hidden })
  return mirror.needIn(tx, ino)
}

/** Those of before that have no row, into a database that was made anew. */
export async function restoreConnections(mirror: Mirror, tx: Transaction, connections: readonly Connection[]): Promise<void> {
  for (const connection of connections) {
    if ((await mirror.byRemoteId(connectedId(connection.realId), tx)) === undefined) await insertConnection(mirror, tx, connection)
    else await remember(tx, connection.realId, { source: connection.source, wished: connection.wished, hidden: false })
  }
}

/** Kept here alone. The caller knows that the name is free. */
export async function renameConnected(mirror: Mirror, tx: Transaction, item: Item, name: string): Promise<void> {
  if (item.base === null) return
  await mirror.update(tx, item, { name, placeChangedMs: null })
  await mirror.setBase(tx, item.ino, ROOT_INO, { ...asLink({ ...item.base, name }), updatedMs: item.base.updatedMs })
}

/** Whether it is to be shown as soon as nothing else leads there. */
export async function isHiddenBehind(reader: Reader, { base, name, excluded, deleted }: Item): Promise<boolean> {
  return base !== null && excluded && !deleted && (await readRemembered(reader, base.realId, name)).hidden
}

/** The caller knows that nothing else leads there. Answers the row as it is then. */
export async function showConnected(mirror: Mirror, tx: Transaction, item: Item): Promise<Item> {
  if (item.base === null) return item
  const { realId } = item.base
  const { source, wished } = await readRemembered(tx, realId, item.name)
  await remember(tx, realId, { source, wished, hidden: false })
  const name = wished === item.name ? wished : await freeRootName(mirror, tx, wished, realId)
  await mirror.update(tx, item, { excluded: false })
  if (name !== item.name) await renameConnected(mirror, tx, await mirror.needIn(tx, item.ino), name)
  return mirror.needIn(tx, item.ino)
}

/** What has its name only here gives it to what has it on the portal. */
export async function giveNameAway(mirror: Mirror, tx: Transaction, item: Item): Promise<readonly MirrorDelta[]> {
  if (item.base === null || item.parent === null) return []
  const name = await freeRootName(mirror, tx, item.name, item.base.realId)
  await renameConnected(mirror, tx, item, name)
  const { ino, parent } = item
  return item.excluded ? [] : [{ kind: 'moved', ino, from: { parent, name: item.name }, to: { parent, name } }]
}

/** The name itself, or one beside it: everything in the root that has a name of the portal's goes before. */
export function freeRootName(mirror: Mirror, tx: Transaction, name: string, realId: RemoteId): Promise<string> {
  return mirror.freeNameIn(tx, ROOT_INO, (attempt) => {
    const numbered = attempt === 1 ? name : `${name} (${attempt})`
    return shownName(isLongerThanShown(numbered) ? `${attempt} ${name}` : numbered, realId) // cut at its end, it would be the same again
  })
}

/** The row of the connected folder that the item is or stands in, here or on the portal. */
export async function connectedAbove(mirror: Mirror, reader: Reader, item: Item, side: 'here' | 'portal'): Promise<Ino | undefined> {
  for (let at: Item | undefined = item; at !== undefined; ) {
    if (isConnected(at)) return at.ino
    const parent: Ino | null = side === 'here' ? at.parent : at.base === null ? at.parent : at.base.parent
    at = parent === null ? undefined : await mirror.getIn(reader, parent)
  }
  return undefined
}

/** Of a connection beside its row. */
interface Remembered extends Pick<Connection, 'source' | 'wished'> {
  /** Not shown because the folder is reached another way, and for no other reason. */
  readonly hidden: boolean
}

function remember(tx: Transaction, realId: RemoteId, remembered: Remembered): Promise<void> {
  return writeFact(tx, factOf(realId), JSON.stringify(remembered))
}

async function readRemembered(reader: Reader, realId: RemoteId, name: string): Promise<Remembered> {
  const fact = await readFact(reader, factOf(realId))
  return fact === undefined ? { source: name, wished: name, hidden: false } : (JSON.parse(fact) as Remembered)
}

function factOf(realId: RemoteId): string {
  return `connected:${realId}`
}
