/** A memory filesystem mounted for one test through the native engine, and taken away after it whatever happened. */
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { silentLog, type Log } from '../../src/base/log.js'
import type { EngineFeature } from '../../src/engine/engine-features.js'
import { LateNotices } from '../../src/engine/late-notices.js'
import { mountNative, type MountedEngine } from '../../src/engine/mount-native.js'
import { findMount } from '../../src/engine/mount-table.js'
import type { Mounted } from './contract-case.js'
import { python } from './children.js'
import { MemoryFileSystem } from './memory-file-system.js'

export const isRoot = process.geteuid?.() === 0
export const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }

export interface NativeMounted extends Mounted {
  readonly engine: MountedEngine
}

export interface MemoryMountOptions {
  readonly readOnly?: boolean
  readonly allowOther?: boolean
  readonly log?: Log
  readonly without?: readonly EngineFeature[]
}

export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'elastic-drive-test-'))
  t.teardown(async () => {
    // Never into a mount that is still there.
    if ((await findMount(folder)) === undefined) await rm(folder, { recursive: true, force: true })
    else await rmdir(folder).catch(() => undefined)
  })
  return folder
}

export function mountMemory(folder: string, fileSystem: MemoryFileSystem, options: MemoryMountOptions = {}): Promise<MountedEngine> {
  return mountNative({
    fileSystem,
    folder,
    fsName: 'memory',
    readOnly: options.readOnly ?? false,
    allowOther: options.allowOther ?? false,
    notices: new LateNotices(),
    clock: systemClock,
    log: options.log ?? silentLog,
    without: options.without ?? [],
  })
}

export async function nativeMounted(t: Test, options: MemoryMountOptions = {}): Promise<NativeMounted> {
  const folder = await temporaryFolder(t)
  const fileSystem = new MemoryFileSystem(owner)
  const engine = await mountMemory(folder, fileSystem, options)
  t.teardown(async () => {
    fileSystem.stalls.endAll()
    await engine.unmount({ force: true })
  })
  return {
    engine,
    folder,
    fileSystem,
    notices: engine.notices,
    // A remount makes the kernel drop every dentry that nobody uses.
    ...(isRoot && { dropCaches: () => remount(t, folder) }),
  }
}

export async function remount(t: Test, folder: string): Promise<void> {
  const MS_REMOUNT = 32
  const MS_NOSUID_NODEV = 6
  const script = `
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'memory', sys.argv[1].encode(), b'fuse.elastic-drive', ${MS_REMOUNT | MS_NOSUID_NODEV}, None) != 0:
    raise OSError(ctypes.get_errno(), 'remount')
`
  await python(t, '/', script, folder)
}
