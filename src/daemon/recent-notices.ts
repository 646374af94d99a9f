/** What happened to edits on their way that a person should hear of, most of it only once: kept as long as the daemon runs, for `status`. */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { NoticeStatus } from '../control/commands.js'
import type { UploadNotice } from '../upload/notices.js'

const MOST_KEPT = 20

interface Kept {
  readonly notice: UploadNotice
  readonly atMs: number
}

export class RecentNotices {
  readonly #clock: Clock
  readonly #log: Log
  /** Oldest first. */
  #kept: readonly Kept[] = []

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock
    this.#log = log
  }

  add(notice: UploadNotice): void {
    this.#log.info({ ...notice }, 'something a person should know happened while sending')
    this.#kept = [...this.#kept.slice(1 - MOST_KEPT), { notice, atMs: this.#clock.nowMs() }]
  }

  /** Oldest first; `pathOf`: where an item stands now. */
  list(pathOf: (ino: Ino) => Promise<string | undefined>): Promise<readonly NoticeStatus[]> {
    return Promise.all(this.#kept.map(async ({ notice, atMs }) => ({ at: new Date(atMs).toISOString(), path: (await pathOf(notice.ino)) ?? null, message: wordsOf(notice) })))
  }
}

function wordsOf(notice: UploadNotice): string {
  switch (notice.kind) {
    case 'conflict-copy':
      return `${CONFLICT_WORDS[notice.why]}: what was saved here is kept as "${notice.name}"`
    case 'recovered':
      return `${notice.why === 'no-right' ? 'you may not change it on the portal' : 'it is gone on the portal'}: what was saved here is kept as "${notice.name}"`
    case 'brought-back':
      return `${BACK_WORDS[notice.why]}: "${notice.name}" is here again`
    case 'place-restored':
      return `the portal did not take its new name or place (${notice.why}): it stands where it was, as "${notice.name}"`
    case 'remote-place-won':
      return `both sides renamed or moved it: "${notice.name}" stands where the portal has it`
    case 'replaced':
      return `"${notice.name}" has a new id on the portal, because ${notice.why === 'empty' ? 'nothing can be sent as a version that is empty' : 'it is too large to be sent as a version'}`
    case 'version-slipped-in':
      return `somebody saved "${notice.name}" in the same moment: ${notice.copy === null ? 'look at its versions on the portal' : 'their version is kept beside it'}`
  }
}

const CONFLICT_WORDS = {
  'edited-on-both-sides': 'both sides changed it',
  'name-taken': 'its name was taken on the portal',
  'torn-by-power-loss': 'it may be incomplete after a power loss',
} as const

const BACK_WORDS = {
  'changed-on-portal': 'somebody changed it before its deletion was sent',
  'holds-unseen-items': 'it holds what was never seen here',
  'no-right': 'you may not delete it on the portal',
} as const
