/** A file of the portal of which only the version is not known any more that the bytes here came from: whoever sends them compares first. */
import type { RemoteFile } from '../drive/drive.js'
import type { Base } from './item.js'

const NO_VERSION = 0 // the portal counts from 1

/** For `Mirror.setBase`, which writes down no more than this. */
export function withoutVersion({ id, name, code, storageId, updatedMs, sizeBytes }: Base): RemoteFile {
  return {
    kind: 'file', id, name, code, storageId, updatedMs, sizeBytes, version: NO_VERSION, blobId: '',
    parentId: null, deletedType: 0, createdMs: updatedMs, createdBy: '', updatedBy: '', detailUrl: null, downloadUrl: '',
  }
}
