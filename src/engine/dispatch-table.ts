/**
 * The one table from opcode to what is done with it. Total over the opcodes of the protocol: a new one does not compile
 * until it has a row. INIT is not in it, because only the session can answer it, nor is INTERRUPT, which native code
 * takes apart. An opcode beyond the table gets ENOSYS as well.
 */
import { constants } from 'node:os'
import * as attributes from './operations-attributes.js'
import * as directories from './operations-directories.js'
import * as files from './operations-files.js'
import * as names from './operations-names.js'
import type { Refusal, TableEntry } from './operation.js'
import { OPCODES, type OperationName } from './wire-layout.js'

const { errno } = constants

/** The kernel then does it itself, or never asks again. */
const notImplemented: Refusal = { errno: errno.ENOSYS }

const TABLE: Readonly<Record<Exclude<OperationName, 'init' | 'interrupt' | 'notifyReply'>, TableEntry>> = {
  lookup: names.lookup,
  forget: names.forget,
  getattr: attributes.getattr,
  setattr: attributes.setattr,
  readlink: names.readlink,
  symlink: names.notPermitted,
  mknod: names.mknod,
  mkdir: names.mkdir,
  unlink: names.unlink,
  rmdir: names.rmdir,
  rename: names.rename,
  link: names.notPermitted,
  open: files.open,
  read: files.read,
  write: files.write,
  statfs: attributes.statfs,
  release: files.release,
  fsync: files.fsync,
  setxattr: attributes.setxattr,
  getxattr: attributes.getxattr,
  listxattr: attributes.listxattr,
  removexattr: attributes.removexattr,
  flush: files.flush,
  opendir: directories.opendir,
  readdir: directories.readdir,
  releasedir: directories.releasedir,
  fsyncdir: directories.fsyncdir,
  // Locks are not announced, so the kernel keeps them; it never asks.
  getlk: notImplemented,
  setlk: notImplemented,
  setlkw: notImplemented,
  // default_permissions: the kernel checks by mode.
  access: notImplemented,
  create: names.create,
  bmap: notImplemented,
  destroy: { errno: 0 },
  ioctl: { errno: errno.ENOTTY },
  poll: notImplemented,
  batchForget: names.batchForget,
  fallocate: files.fallocate,
  readdirplus: directories.readdirplus,
  rename2: names.rename2,
  lseek: notImplemented,
  copyFileRange: notImplemented,
  setupMapping: notImplemented,
  removeMapping: notImplemented,
  syncfs: notImplemented,
  tmpfile: notImplemented,
  statx: notImplemented,
  copyFileRange64: notImplemented,
}

/** By opcode, for the way of a request. */
export function dispatchTable(): ReadonlyMap<number, TableEntry> {
  return new Map(Object.entries(TABLE).map(([name, entry]) => [OPCODES[name as OperationName], entry]))
}

export { notImplemented }
