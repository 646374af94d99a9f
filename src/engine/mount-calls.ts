/**
 * mount(2) and umount2(2): by the addon where it loads, else by the programs of the same name, so that an engine without
 * the addon can be taken away as well.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { hasCode } from '../base/errors.js'
import { loadNativeAddon } from '../base/native-addon.js'
import { loadFuseAddon, type FuseAddon } from './fuse-addon.js'
import { findMount } from './mount-table.js'

const { errno } = constants

export type MountCalls = Pick<FuseAddon, 'mount' | 'unmount'>

const FORCE = 1
const DETACH = 2

export function loadMountCalls(): MountCalls {
  try {
    return loadFuseAddon()
  } catch (error) {
    if (!hasCode(error, 'unsupported')) throw error
    return programCalls
  }
}

/**
 * A program that inherits the device of a mount would keep it hanging when it is dead. Node has no call for it, so without
 * the addon the descriptor stays as it is.
 */
export function closeOnExec(descriptor: number): void {
  try {
    const addon = loadNativeAddon() as { closeOnExec(file: number): number }
    addon.closeOnExec(descriptor)
  } catch (error) {
    if (!hasCode(error, 'unsupported')) throw error
  }
}

/** What failed is told from the mount table, not from the programs' words. */
export const programCalls: MountCalls = {
  mount: async (source, folder, type, _flags, options) => {
    const wanted = options === '' ? [] : ['-o', options]
    return (await run('mount', ['-n', '-i', '-t', type, ...wanted, source, folder])) ? 0 : -errno.EPERM
  },
  unmount: async (folder, flags) => {
    const wanted = [...((flags & FORCE) === 0 ? [] : ['-f']), ...((flags & DETACH) === 0 ? [] : ['-l'])]
    // Without looking at the folder, which may not answer.
    if (await run('umount', ['-n', '-i', '-c', ...wanted, folder])) return 0
    return (await findMount(folder)) === undefined ? -errno.EINVAL : -errno.EBUSY
  },
}

function run(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', cwd: '/' })
    child.on('error', () => {
      resolve(false)
    })
    child.on('close', (exitCode) => {
      resolve(exitCode === 0)
    })
  })
}
