/**
 * Branded identifiers. Our own row id is the inode number (DESIGN.md 6a.1); ids of the portal are strings because they
 * arrive as strings or numbers and are never computed with (bitrix24-rest.md section 3).
 */
declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** Our own row id of an item: st_ino, never reused. The root of the mount is 1. */
export type Ino = Branded<number, 'ino'>
/** Id of a cached content: names the file `cache/xx/<contentId>`, never reused. */
export type ContentId = Branded<number, 'content-id'>
/** Id of a file or folder on the portal (one sequence for both, E-28). */
export type RemoteId = Branded<string, 'remote-id'>
/** Id of a storage on the portal; not an object id. */
export type StorageId = Branded<string, 'storage-id'>

export const ROOT_INO = 1 as Ino

export const asIno = (value: number): Ino => value as Ino
export const asContentId = (value: number): ContentId => value as ContentId
export const asRemoteId = (value: string): RemoteId => value as RemoteId
export const asStorageId = (value: string): StorageId => value as StorageId
