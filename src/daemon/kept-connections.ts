/** Folders of other storages that were connected here, as records keep them where there is no database (R6). */
import { asRemoteId, asStorageId } from '../base/ids.js'
import type { Connection } from '../mirror/connected-rows.js'

/** What cannot be understood is not connected; a name must not lead out of the folder, whoever wrote it. */
export function readKeptConnections(value: unknown): readonly Connection[] {
  return Array.isArray(value) ? (value as readonly unknown[]).flatMap(connectionOf) : []
}

/** As a field of a record, which is left out where it would be empty. */
export function connectionsField(connections: readonly Connection[]): { readonly connections?: readonly Connection[] } {
  return connections.length === 0 ? {} : { connections }
}

export function lostField(lost: readonly Connection[]): { readonly lostConnections?: readonly Connection[] } {
  return lost.length === 0 ? {} : { lostConnections: lost }
}

function connectionOf(value: unknown): readonly Connection[] {
  const { realId, storageId, name, wished, source } = (value ?? {}) as Partial<Record<keyof Connection, unknown>>
  if (![realId, storageId].every((id) => typeof id === 'string' && /^[1-9]\d*$/u.test(id))) return []
  if (!isPlainName(name) || !isPlainName(wished) || typeof source !== 'string') return []
  return [{ realId: asRemoteId(String(realId)), storageId: asStorageId(String(storageId)), name, wished, source }]
}

function isPlainName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/\0]/u.test(name)
}
