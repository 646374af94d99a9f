/**
 * Connecting folders of other storages to the drive, and disconnecting them (R6). A connection is one row, made and taken away
 * in one transaction; the portal hears of neither. Disconnecting never drops what the portal does not have: who asks is told
 * what that is.
 */
import { DriveError, hasCode } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { RemoteFolder } from '../drive/drive.js'
import type { Journal } from '../journal/journal.js'
import { connectedAbove, connectedId, insertConnection, othersLeadingTo } from '../mirror/connected-rows.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { shownName, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { noteSelected, readUnselected } from '../mirror/selection-rows.js'
import type { Store } from '../store/store.js'
import type { Upload } from '../upload/upload.js'
import { isMark } from '../watch/absence-plan.js'
import type { Watch } from '../watch/watch.js'
import type { Namespace } from './namespace.js'

export interface StorageConnectionsOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: Pick<ContentCache, 'summary'>
  readonly namespace: Pick<Namespace, 'dropIn'>
  readonly upload: Pick<Upload, 'endConnections'>
  readonly watch: Pick<Watch, 'ensureListed' | 'isHeld' | 'lookAt'>
  /** Files that were closed a moment ago are looked at now. */
  readonly letGoOfClosed: () => Promise<void>
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

const LISTING_DEADLINE_MS = 30_000

export interface ConnectedFolder {
  /** Where the folder is shown: its own row, or another one that led there before (13.2: one real folder is shown once). */
  readonly shown: Item
  /** It was connected here before. */
  readonly already: boolean
}

export class StorageConnections {
  readonly #o: StorageConnectionsOptions

  constructor(options: StorageConnectionsOptions) {
    this.#o = options
  }

  /** `source`: as a person calls it. `title`: what it is to be called here, were that name free. It survives a power loss. */
  async connect(real: RemoteFolder, { source, title }: { readonly source: string; readonly title: string }, signal: AbortSignal): Promise<ConnectedFolder> {
    const { store, mirror, watch, upload, onDelta } = this.#o
    await upload.endConnections() // its row of before may still be on its way
    await watch.ensureListed(ROOT_INO, signal, LISTING_DEADLINE_MS) // whose names go before
    const wished = shownName(title, real.realId)
    const made = await store.transact(
      async (tx) => {
        const known = await mirror.byRemoteId(connectedId(real.realId), tx)
        if (known === undefined) await noteSelected(tx, connectedId(real.realId)) // left out when it was connected before: that is over
        const row = known ?? (await insertConnection(mirror, tx, { realId: real.realId, storageId: real.storageId, name: wished, wished, source }))
        if (row.deleted) throw new DriveError('busy', 'it is being disconnected in this moment: try again')
        if (row.excluded && (await readUnselected(tx)).has(connectedId(real.realId))) throw new DriveError('invalid', 'it is connected, and was left out: "elastic-drive folders select" shows it again')
        const [other] = row.excluded ? await othersLeadingTo(mirror, tx, { id: connectedId(real.realId), realId: real.realId }) : []
        if (other?.excluded === true) throw new DriveError('invalid', `it is "${other.name}" of the drive, which was left out: "elastic-drive folders select" shows it again`)
        return { shown: other ?? row, already: known !== undefined }
      },
      { durable: true },
    )
    const { shown, already } = made
    if (!already && shown.parent !== null && shown.base?.id === connectedId(real.realId)) onDelta([{ kind: 'appeared', ino: shown.ino, at: { parent: shown.parent, name: shown.name } }])
    return made
  }

  /** What is below the connected folder and the portal does not have: disconnecting would drop it. */
  async unsentBelow(row: Item): Promise<readonly Item[]> {
    const { store, mirror, journal, cache, letGoOfClosed } = this.#o
    await letGoOfClosed()
    const unsent = new Map<Ino, Item>()
    for (const { ino } of await journal.entries()) {
      const item = await mirror.get(ino)
      if (item === undefined || item.ino === row.ino) continue
      const above = [await connectedAbove(mirror, store.read, item, 'here'), await connectedAbove(mirror, store.read, item, 'portal')]
      if (above.includes(row.ino)) unsent.set(ino, item)
    }
    const below = (await mirror.subtreeIn(store.read, row.ino)).filter((item) => !isMark(item))
    const contents = await cache.summary(below.flatMap(({ contentId }) => (contentId === null ? [] : [contentId])))
    for (const item of below) if (item.contentId !== null && contents.get(item.contentId)?.dirty === true) unsent.set(item.ino, item)
    return [...unsent.values()]
  }

  /** The caller has looked at what is unsent below: what came since goes to the recovery folder (C20). It survives a power loss. */
  async disconnect({ ino }: Item, signal: AbortSignal): Promise<void> {
    const { store, mirror, namespace, upload, onDelta } = this.#o
    const row = await store.transact(
      async (tx) => {
        const now = await mirror.needIn(tx, ino)
        if (now.parent === null) return now // deleted meanwhile
        if (now.excluded) await mirror.update(tx, now, { excluded: false })
        await namespace.dropIn(tx, { ...now, excluded: false, parent: now.parent })
        return now
      },
      { durable: true },
    )
    if (row.parent !== null && !row.excluded) onDelta([{ kind: 'vanished', ino, generation: row.contentGeneration, at: { parent: row.parent, name: row.name } }])
    await upload.endConnections()
    await this.#showOthers(row, signal)
  }

  /** What was hidden behind it, now rather than with the next look. */
  async #showOthers({ base }: Item, signal: AbortSignal): Promise<void> {
    const { mirror, watch } = this.#o
    if (watch.isHeld) return // a full synchronization may take its time, and looks at everything after it
    const hidden = base === null ? [] : (await mirror.foldersOfRealId(base.realId)).filter(({ excluded }) => excluded)
    const folders = new Set([ROOT_INO, ...hidden.map((other) => other.base?.parent ?? ROOT_INO)])
    try {
      await watch.lookAt([...folders], signal)
    } catch (error) {
      if (!hasCode(error, 'offline')) throw error
    }
  }
}
