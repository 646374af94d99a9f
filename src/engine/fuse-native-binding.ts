/**
 * The compiled half of npm's `fuse-native`, typed. Its JavaScript half is not used: it drops the handle of fgetattr, lets
 * short xattr buffers be read beyond their end, cuts every number of statfs, ends a request after 15 s while its buffer is
 * still written to, and unmounts through a shell. Loaded only when this engine is wanted, because it needs libfuse 2.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { DriveError, errorText } from '../base/errors.js'

/** Of a request while libfuse waits for its answer: its own record in memory (`fuse_thread_locals_t`). */
export type FuseNativeRecord = Buffer

export type RawArgument = number | string | Buffer

/** Called on the JavaScript thread for each request; the signal function of the same name answers it, exactly once. */
export type RawHandler = (record: FuseNativeRecord, operation: number, ...args: readonly RawArgument[]) => void

/** Numbers of fuse-native.c, the same as the places in its table of handlers. */
export const OPERATION_NUMBERS = {
  init: 0,
  statfs: 3,
  fgetattr: 4,
  getattr: 5,
  flush: 6,
  fsync: 7,
  fsyncdir: 8,
  readdir: 9,
  truncate: 10,
  ftruncate: 11,
  utimens: 12,
  readlink: 13,
  chown: 14,
  chmod: 15,
  mknod: 16,
  setxattr: 17,
  getxattr: 18,
  listxattr: 19,
  removexattr: 20,
  open: 21,
  read: 23,
  write: 24,
  release: 25,
  create: 27,
  unlink: 28,
  rename: 29,
  link: 30,
  symlink: 31,
  mkdir: 32,
  rmdir: 33,
} as const

export type OperationName = keyof typeof OPERATION_NUMBERS
/** How long its two tables are. */
export const OPERATION_PLACES = 35

type Signal = (record: FuseNativeRecord, result: number, ...rest: readonly unknown[]) => void

export type FuseNativeBinding = Readonly<Record<`fuse_native_signal_${OperationName}`, Signal>> & {
  readonly sizeof_fuse_thread_t: number
  /** Mounts (waiting for `fusermount` where the user needs it) and starts libfuse's threads. Throws without saying why. */
  fuse_native_mount(
    folder: string,
    options: string,
    thread: Buffer,
    receiver: object,
    allocate: (sizeBytes: number) => Buffer,
    handlers: readonly RawHandler[],
    implemented: Uint32Array,
  ): void
  /** Only lets the event loop end; nothing is unmounted. */
  fuse_native_unmount(folder: string, thread: Buffer): void
}

const INSTALL = 'install the package libfuse2 (Ubuntu from 24.04 on: libfuse2t64)'

/** Fails with `unsupported`, saying what to install. */
export function loadFuseNative(): FuseNativeBinding {
  try {
    const main = createRequire(import.meta.url).resolve('fuse-native')
    // As its own index.js loads it: the binary that fits this machine and this Node.
    const load = createRequire(main)('node-gyp-build') as (folder: string) => unknown
    return load(dirname(main)) as FuseNativeBinding
  } catch (error) {
    throw new DriveError('unsupported', `The engine fuse-native cannot be loaded: ${INSTALL}. (${firstLine(errorText(error))})`, { cause: error })
  }
}

const firstLine = (text: string): string => text.split('\n')[0] ?? text
