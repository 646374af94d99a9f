/** What storages are called here, where two may be called the same on the portal, and which one a person means. Pure. */
import { DriveError } from '../base/errors.js'
import { caseKey } from '../base/names.js'
import type { RemoteStorage } from '../drive/drive.js'

/** A storage under a name that no other one has. */
export interface NamedStorage {
  readonly storage: RemoteStorage
  readonly label: string
}

/** With the id behind the name where another one differs from it by case at most. */
export function nameStorages(storages: readonly RemoteStorage[]): readonly NamedStorage[] {
  const isShared = ({ name }: RemoteStorage): boolean => storages.filter((other) => caseKey(other.name) === caseKey(name)).length > 1
  return storages.map((storage) => ({ storage, label: isShared(storage) ? `${storage.name} (${storage.id})` : storage.name }))
}

/**
 * The longest beginning of `wanted` that is a storage, whose name may have a slash in it as well, and the names of folders behind it.
 * 'not-found', 'invalid' where several are meant.
 */
export function findStorage(storages: readonly NamedStorage[], wanted: string): { readonly found: NamedStorage; readonly inside: readonly string[] } {
  const parts = wanted.split('/')
  for (let length = parts.length; length > 0; length -= 1) {
    const matching = storagesCalled(storages, parts.slice(0, length).join('/'))
    const [found] = matching
    if (found === undefined) continue
    if (matching.length > 1) throw new DriveError('invalid', `several storages have this name: say which, ${matching.map(({ label }) => `"${label}"`).join(' or ')}`)
    return { found, inside: parts.slice(length).filter((part) => part !== '') }
  }
  throw new DriveError('not-found', `there is no other storage "${wanted}" that you may read: "elastic-drive storages" lists them`)
}

/** Exactly, by another case, or by the id. */
function storagesCalled(storages: readonly NamedStorage[], name: string): readonly NamedStorage[] {
  const ways: readonly ((named: NamedStorage) => boolean)[] = [
    ({ label }) => label === name,
    ({ storage }) => storage.name === name,
    ({ storage }) => caseKey(storage.name) === caseKey(name),
    ({ storage }) => storage.id === name,
  ]
  return ways.map((isMeant) => storages.filter(isMeant)).find((matching) => matching.length > 0) ?? []
}
