/**
 * Mounting as an ordinary user, through the setuid program fusermount3: it opens /dev/fuse, mounts, and sends the
 * descriptor back over a socket that it is told of by _FUSE_COMMFD.
 */
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { DriveError, systemCode } from '../base/errors.js'
import type { FuseAddon } from './fuse-addon.js'

const PROGRAM = 'fusermount3'

interface Outcome {
  readonly exitCode: number | null
  /** What the program said, for the person. */
  readonly text: string
}

/** Answers an open /dev/fuse of the new mount. Fails with `no-fusermount` or `mount-failed`. */
export async function fusermountMount(addon: FuseAddon, folder: string, options: readonly string[]): Promise<number> {
  const pair = addon.socketPair()
  if (typeof pair === 'number') throw new DriveError('mount-failed', `No socket for ${PROGRAM}: errno ${-pair}.`)
  const [ours, theirs] = pair
  try {
    const outcome = run(['-o', options.join(','), '--', folder], theirs)
    // Our copy of their end goes, so that the socket ends with the program.
    closeSync(theirs)
    const [device, { exitCode, text }] = await Promise.all([addon.receiveDescriptor(ours), outcome])
    if (device >= 0 && exitCode === 0) return device
    if (device >= 0) closeSync(device)
    throw new DriveError('mount-failed', `${folder} could not be mounted: ${text || `${PROGRAM} ended with ${exitCode ?? 'a signal'}`}`, {
      fields: { folder, exitCode },
    })
  } finally {
    closeSync(ours)
  }
}

/** Fuse options are a list with commas, so these are escaped in a value. */
export const escapeOption = (value: string): string => value.replace(/[\\,]/g, (character) => `\\${character}`)

/** `lazy` detaches also a busy mount. Answers what the program said when it failed, else undefined. */
export async function fusermountUnmount(folder: string, lazy: boolean): Promise<string | undefined> {
  const { exitCode, text } = await run(['-u', ...(lazy ? ['-z'] : []), '--', folder])
  return exitCode === 0 ? undefined : text || `${PROGRAM} ended with ${exitCode ?? 'a signal'}`
}

function run(args: readonly string[], socket?: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, {
      stdio: ['ignore', 'ignore', 'pipe', socket ?? 'ignore'],
      env: { ...process.env, _FUSE_COMMFD: '3', LC_ALL: 'C' },
    })
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    child.on('error', (error) => {
      const missing = systemCode(error) === 'ENOENT'
      const message = missing ? `${PROGRAM} is not installed: install the package fuse3.` : `${PROGRAM} cannot be run.`
      reject(new DriveError(missing ? 'no-fusermount' : 'mount-failed', message, { cause: error }))
    })
    child.on('close', (exitCode) => {
      resolve({ exitCode, text: text.trim().replace(/^fusermount3: /, '') })
    })
  })
}
