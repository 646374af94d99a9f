/**
 * The FUSE kernel protocol as numbers: opcodes, flags and sizes, written from the kernel's documented layout, protocol
 * 7.42 (Linux 6.14). Nothing here changed since 7.31, so kernels from 5.10 (7.32) on are served. Field order stands
 * beside the code that reads or writes a structure (`operations-….ts`, `reply-writer.ts`).
 */

export const PROTOCOL_MAJOR = 7
export const PROTOCOL_MINOR = 42
/** Linux 5.4; older kernels lack what is taken for granted here (max_pages, explicit sizes). */
export const OLDEST_MINOR = 31

export const OPCODES = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  getlk: 31,
  setlk: 32,
  setlkw: 33,
  access: 34,
  create: 35,
  interrupt: 36,
  bmap: 37,
  destroy: 38,
  ioctl: 39,
  poll: 40,
  notifyReply: 41,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  setupMapping: 48,
  removeMapping: 49,
  syncfs: 50,
  tmpfile: 51,
  statx: 52,
  copyFileRange64: 53,
} as const

export type OperationName = keyof typeof OPCODES

/** Flags of INIT; those of `second` stand in flags2 (the upper half of a 64-bit field). */
export const INIT = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  readdirPlus: 1 << 13,
  asyncDirectIo: 1 << 15,
  parallelDirectoryOperations: 1 << 18,
  abortError: 1 << 21,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
  handleKillPrivilegesV2: 1 << 28,
  extended: 1 << 30,
} as const
export const INIT_SECOND = {
  expireOnly: 1 << 3,
  directIoAllowsMmap: 1 << 4,
  /** Linux 6.9. */
  passthrough: 1 << 5,
} as const

export const GETATTR_HAS_HANDLE = 1

export const SETATTR = {
  mode: 1 << 0,
  uid: 1 << 1,
  gid: 1 << 2,
  size: 1 << 3,
  atime: 1 << 4,
  mtime: 1 << 5,
  handle: 1 << 6,
  atimeNow: 1 << 7,
  mtimeNow: 1 << 8,
  killSetIds: 1 << 11,
} as const

export const OPEN = {
  accessMode: 0o3,
  writeOnly: 0o1,
  readWrite: 0o2,
  exclusive: 0o200,
  truncate: 0o1000,
  append: 0o2000,
} as const
export const OPEN_KILLS_SET_IDS = 1

export const OPENED = {
  directIo: 1 << 0,
  keepCache: 1 << 1,
  cacheDirectory: 1 << 3,
  passthrough: 1 << 7,
} as const

export const WRITE = {
  fromCache: 1 << 0,
  killSetIds: 1 << 2,
} as const

export const FSYNC_DATA_ONLY = 1
export const RENAME = { noReplace: 1, exchange: 2 } as const
export const XATTR = { create: 1, replace: 2 } as const

export const FILE_TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const
export const FILE_TYPE_MASK = 0o170000
export const SET_UID = 0o4000
export const SET_GID = 0o2000
export const GROUP_EXECUTE = 0o010
export const PERMISSION_BITS = 0o7777

/** Sizes in bytes. */
export const SIZE = {
  inHeader: 40,
  attributes: 88,
  entryOut: 128,
  directoryEntry: 24,
  forgetOne: 16,
  initOut: 64,
} as const
/** The longest name the kernel carries (FUSE_NAME_MAX). */
export const MAX_NAME_BYTES = 1024
export const MAX_XATTR_BYTES = 65_536

/** What INIT asks for; native/fuse-protocol.h has the same number. */
export const MAX_WRITE_BYTES = 1 << 20
export const MAX_PAGES = 256
