/**
 * What the rows of an earlier process are worth now (DESIGN.md 6a.3): bytes that a reboot may have taken, and files that
 * were open for direct writing, which nobody saw, when the process died.
 */
import type { Reader, Store } from '../store/store.js'
import { ByteRanges } from '../base/byte-ranges.js'
import { fileFacts, type FileFacts } from './cache-file.js'
import { contentPath } from './content-path.js'
import * as rows from './content-rows.js'
import { isStampBroken } from './reconcile-file.js'

export async function recoverRows(store: Store, directory: string, bootId: string): Promise<void> {
  for (const row of await rows.readOpened(store.read)) await recoverOpened(store, directory, bootId, row)
  await store.transact((tx) => rows.distrustOtherBoots(tx, bootId))
  const broken: rows.ContentRow[] = []
  for (const row of await rows.readDirty(store.read)) {
    if (row.isSuspect || row.bootId === bootId) continue
    if (isStampBroken(row, await fileFacts(contentPath(directory, row.id)), bootId)) broken.push(row)
  }
  if (broken.length === 0) return
  await store.transact(async (tx) => {
    for (const { id } of broken) await rows.writeSuspect(tx, id)
  })
}

/**
 * Edits that no portal has, also those that were written directly and that nobody has looked at. For who reads the rows of a
 * dead process without changing them; the database may be older than this program.
 */
export async function readUnsent(reader: Reader, directory: string): Promise<readonly rows.ContentRow[]> {
  const unsent = [...(await rows.readDirty(reader))]
  if ((await reader.get("SELECT 1 FROM pragma_table_info('contents') WHERE name = 'opened_boot'")) === undefined) return unsent
  for (const row of await rows.readOpened(reader)) {
    const facts = row.isDirty ? undefined : await fileFacts(contentPath(directory, row.id))
    if (facts !== undefined && wasWritten(row, facts)) unsent.push(row)
  }
  return unsent
}

/**
 * In the same boot, what was written since the last look is an edit, and more may follow: handles and mappings outlive the
 * process. After a reboot nothing follows, and what was written may be half on the disk: suspect. Bytes may be there without the
 * times that tell of them, so what the portal can give again is fetched again.
 */
async function recoverOpened(store: Store, directory: string, bootId: string, row: rows.ContentRow): Promise<void> {
  const facts = await fileFacts(contentPath(directory, row.id))
  const isSameBoot = row.openedBoot === bootId
  const isWritten = facts !== undefined && wasWritten(row, facts)
  if (isSameBoot && (row.isDirty || !isWritten)) return
  await store.transact(async (tx) => {
    if (isWritten) {
      const whole = { sizeBytes: facts.sizeBytes, ranges: ByteRanges.whole(facts.sizeBytes), allocatedBytes: facts.allocatedBytes, synced: false, stamp: null }
      await rows.writeDirty(tx, row.id)
      await rows.writeBytesState(tx, rows.bytesStateValues(row.id, whole, row.openedBoot ?? bootId))
    }
    else if (!row.isDirty) await rows.writeUnsynced(tx, row.id)
    if (!isSameBoot) await rows.writeUnopened(tx, row.id, isWritten ? null : (facts?.stamp ?? null))
  })
}

function wasWritten(row: rows.ContentRow, facts: FileFacts): boolean {
  return row.isComplete && facts.sizeBytes >= row.sizeBytes && !facts.isUntouched && facts.stamp !== row.stamp
}
