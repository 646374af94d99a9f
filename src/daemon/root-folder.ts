/** The root as the profile knows it: the drive is shown before the portal has been asked anything. */
import type { RemoteFolder } from '../drive/drive.js'
import type { Profile } from './profile.js'

export function rootFolderOf(profile: Profile): RemoteFolder {
  return {
    kind: 'folder',
    id: profile.rootFolderId,
    realId: profile.rootFolderId,
    name: '',
    code: null,
    storageId: profile.storageId,
    parentId: null,
    deletedType: 0,
    createdMs: 0,
    updatedMs: Date.parse(profile.connectedAt),
    createdBy: profile.userId,
    updatedBy: profile.userId,
    detailUrl: null,
  }
}
