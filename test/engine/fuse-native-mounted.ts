/** As `nativeMounted`, through npm's fuse-native. */
import type { Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { silentLog } from '../../src/base/log.js'
import { LateNotices } from '../../src/engine/late-notices.js'
import { mountFuseNative } from '../../src/engine/mount-fuse-native.js'
import type { MountedEngine } from '../../src/engine/mount-native.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { isRoot, owner, remount, temporaryFolder, type NativeMounted } from './mounted.js'

export function mountMemoryByFuseNative(folder: string, fileSystem: MemoryFileSystem): Promise<MountedEngine> {
  const options = { fsName: 'memory', readOnly: false, allowOther: false, notices: new LateNotices(), clock: systemClock, log: silentLog }
  return mountFuseNative({ ...options, fileSystem, folder })
}

export async function fuseNativeMounted(t: Test): Promise<NativeMounted> {
  const folder = await temporaryFolder(t)
  const fileSystem = new MemoryFileSystem(owner)
  const engine = await mountMemoryByFuseNative(folder, fileSystem)
  t.teardown(async () => {
    fileSystem.stalls.endAll()
    await engine.unmount({ force: true })
  })
  return { engine, folder, fileSystem, notices: engine.notices, ...(isRoot && { dropCaches: () => remount(t, folder) }) }
}
