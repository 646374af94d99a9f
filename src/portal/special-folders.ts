/**
 * Special folders (E-63, bitrix24-rest.md 9.4): known by CODE alone, made for a person when something first has to go
 * there, and made anew when the last one was trashed, which takes its CODE.
 */
import { createFolder, uniqueNameIn } from './changes.js'
import type { Desk } from './desk.js'
import type { FolderRow } from './rows.js'
import { driveOf } from './sharing-steps.js'

const UPLOADED = 'FOR_UPLOADED_FILES'

/** The names a portal in English gives; imports stand inside of "Uploaded files". */
const NAMES: Readonly<Record<string, string>> = {
  [UPLOADED]: 'Uploaded files',
  FOR_CREATED_FILES: 'Created files',
  FOR_SAVED_FILES: 'Stored files',
  FOR_RECORDED_FILES: 'Recorded files',
  FOR_DROPBOX_FILES: 'Dropbox',
  FOR_ONEDRIVE_FILES: 'OneDrive',
  FOR_GDRIVE_FILES: 'Google Drive',
  FOR_BOX_FILES: 'Box',
  FOR_YANDEXDISK_FILES: 'Yandex.Disk',
}
const IN_ROOT: readonly string[] = [UPLOADED, 'FOR_CREATED_FILES', 'FOR_SAVED_FILES', 'FOR_RECORDED_FILES']

export const SPECIAL_CODES: readonly string[] = Object.keys(NAMES)

/** The person's folder of this code, made if there is none. */
export function specialFolder(desk: Desk, userId: number, code: string): FolderRow {
  const name = NAMES[code]
  if (name === undefined) throw new RangeError(`code must be one of ${SPECIAL_CODES.join(', ')}`)
  const parent = IN_ROOT.includes(code) ? driveOf(desk, userId) : specialFolder(desk, userId, UPLOADED)
  for (const row of desk.tree.liveChildren(parent)) if (row.type === 'folder' && row.code === code) return row
  return desk.tree.change(() => {
    const folder = createFolder(desk, { parent, name: uniqueNameIn(desk, parent.id, name), by: userId })
    return desk.tree.put({ ...folder, code })
  })
}
