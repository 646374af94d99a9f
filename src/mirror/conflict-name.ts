/** Names of conflict copies: `name (conflict HOST YYYY-MM-DD HH-MM-SS).ext` (DESIGN.md section 6). Pure. */
import { MAX_LOCAL_NAME_BYTES, splitExtension } from '../base/names.js'

const CONFLICT_NAME = / \(conflict [^()]* \d{4}-\d\d-\d\d \d\d-\d\d-\d\d( \d+)?\)/u
const FORBIDDEN = /[\p{Cc}<>:"|?*/\\()]/gu

/** `attempt` 1 is the plain name; from 2 on a number keeps it apart from earlier ones of the same second. */
export function conflictName(name: string, host: string, nowMs: number, attempt = 1): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '-')
  const number = attempt === 1 ? '' : ` ${attempt}`
  const mark = ` (conflict ${host.replaceAll(FORBIDDEN, '_')} ${stamp}${number})`
  const [stem, extension] = splitExtension(name)
  return shorten(stem, MAX_LOCAL_NAME_BYTES - Buffer.byteLength(mark + extension)) + mark + extension
}

/** A person may have given such a name, too; nobody else does. */
export function isConflictName(name: string): boolean {
  return CONFLICT_NAME.test(name)
}

function shorten(text: string, maxBytes: number): string {
  let short = text
  while (Buffer.byteLength(short) > maxBytes) short = Array.from(short).slice(0, -1).join('')
  return short
}
