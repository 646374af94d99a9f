/**
 * Lets `stat` answer the times that a file had before the power failed: a ctime cannot be set, so a file that is made anew would look
 * changed to whoever compares stamps. A file that has changed since it was made anew answers for itself.
 */
import fs, { type BigIntStats } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { PretendedTimes } from './disk.js'

const NS_PER_MS = 1_000_000n
const pretended: PretendedTimes = new Map()

export function pretendTimes(times: PretendedTimes): void {
  for (const [inode, each] of times) pretended.set(inode, each)
}

function corrected<T>(found: T): T {
  const stats = found as unknown as BigIntStats | undefined
  if (typeof stats?.ino !== 'bigint') return found
  const known = pretended.get(stats.ino)
  if (known?.realCtimeNs !== stats.ctimeNs) return found
  const { mtimeNs, ctimeNs } = known.times
  return Object.assign(found as object, { mtimeNs, ctimeNs, mtimeMs: mtimeNs / NS_PER_MS, ctimeMs: ctimeNs / NS_PER_MS }) as T
}

const { stat } = fs.promises
const { statSync } = fs
Object.assign(fs.promises, { stat: async (...args: Parameters<typeof stat>) => corrected(await stat(...args)) })
Object.assign(fs, { statSync: (...args: Parameters<typeof statSync>) => corrected(statSync(...args)) })
syncBuiltinESMExports()
