/**
 * A sweep of the cold folders: each folder that has listed folders in it is asked which of these have changed since the
 * sweep before (bitrix24-rest.md 11.3 step 1). 2,000 questions cover 20,000 folders of fan-out 10, and their answers are
 * next to nothing. What they name is listed whole (rolling-folders.ts); what they do not name is no proof of anything.
 *
 * Only times of the portal are compared with each other (O-20): a sweep begins with its clock, and the next one asks for
 * what is not older, less a few seconds, because times have whole seconds and a listing may have been taken within the
 * second of a change. Where the portal does not tell its time there are no sweeps.
 */
import type { Clock } from '../base/clock.js'
import type { Ino, RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { errorText } from '../base/errors.js'
import type { CallOptions, Drive, ListPage, Outcome } from '../drive/drive.js'
import { countListed, parentsOfListed, topsOfListed } from '../mirror/listed-folders.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { isOfFolder } from './folder-failure.js'
import { PAGE_ITEMS } from './folder-listing.js'
import { isWatched } from './hot-folders.js'
import type { Look } from './look.js'
import type { RollingFolders } from './rolling-folders.js'

export interface ParentSweepOptions {
  readonly drive: Pick<Drive, 'account' | 'itemStates'>
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  readonly rolling: RollingFolders
}

/** Fact of the mirror: since when the next sweep asks, in milliseconds of the portal's clock. */
const SINCE_FACT = 'sweptSince'

const OVERLAP_MS = 5_000 // bitrix24-rest.md section 16
const LEAST_FOLDERS = 1_000 // fewer are listed whole about as often as this would ask about them
const LEAST_PERIOD_MS = 600_000 // to begin one takes two requests

/** One folder to be asked, from an id on. */
interface Question {
  readonly parent: Ino
  readonly after: RemoteId | undefined
}

interface Round {
  /** Time of the portal before the first question. */
  readonly startedServerMs: number
  readonly sinceMs: number
  readonly left: Question[]
}

interface Asked {
  readonly question: Question
  /** Undefined until an answer comes. */
  outcome: Outcome<ListPage> | undefined
}

export class ParentSweep {
  readonly #o: ParentSweepOptions
  #round: Round | undefined
  /** Undefined: not read yet, or there was no sweep. */
  #sinceMs: number | undefined
  /** What a sweep named may not be listed yet: written down when it is. */
  #isUnsaved = false
  #lastBeganMs = Number.NEGATIVE_INFINITY
  readonly #asked: Asked[] = []

  constructor(options: ParentSweepOptions) {
    this.#o = options
  }

  /** Whether there are questions, after beginning a sweep when one is due. */
  async prepare(call: CallOptions): Promise<boolean> {
    if (this.#round === undefined && this.#o.clock.monotonicMs() - this.#lastBeganMs >= LEAST_PERIOD_MS) await this.#begin(call)
    return this.#round !== undefined
  }

  /** Puts up to so many questions into the look. What gets no answer is asked again: see `settle`. */
  async ask(look: Look, most: number): Promise<void> {
    const round = this.#round
    if (round === undefined) return
    const questions = round.left.splice(0, most)
    const parents = new Map((await this.#o.mirror.getMany(questions.map(({ parent }) => parent))).map((item) => [item.ino, item]))
    for (const question of questions) {
      const base = parents.get(question.parent)?.base
      if (base === undefined || base === null) continue // gone meanwhile, and what was in it with it
      const changedFolders = { sinceMs: round.sinceMs - OVERLAP_MS, after: question.after }
      const asked: Asked = { question, outcome: undefined }
      this.#asked.push(asked)
      look.ask({ folderId: base.realId, start: 0, order: 'id', changedFolders }, (outcome) => { asked.outcome = outcome })
    }
  }

  /** To be called after each look, also one that failed. Throws what is not the fault of a single folder. */
  async settle(): Promise<void> {
    const round = this.#round
    let failure: Error | undefined
    for (const { question, outcome } of this.#asked.splice(0)) {
      if (outcome === undefined) round?.left.unshift(question)
      else if (outcome.ok) await this.#take(question, outcome.value)
      else if (isOfFolder(outcome.error)) {
        this.#o.log.info({ ino: question.parent, error: errorText(outcome.error) }, 'a folder could not be asked about its folders')
        this.#o.rolling.name([question.parent]) // its listing tells whether it is gone
      } else {
        round?.left.unshift(question)
        failure ??= outcome.error
      }
    }
    if (round?.left.length === 0) this.#finish(round)
    await this.#save()
    if (failure !== undefined) throw failure
  }

  async #begin(call: CallOptions): Promise<void> {
    const { store, mirror, drive, clock } = this.#o
    if ((await countListed(store.read)) < LEAST_FOLDERS) return
    this.#lastBeganMs = clock.monotonicMs()
    this.#sinceMs ??= sinceOf(await mirror.fact(SINCE_FACT))
    const { serverMs } = await drive.account(call)
    if (!Number.isFinite(serverMs)) return
    const startedServerMs = Math.floor(serverMs / 1000) * 1000
    if (this.#sinceMs === undefined) {
      this.#finish({ startedServerMs, sinceMs: startedServerMs, left: [] }) // what came before is found by the pass that every start begins
      return
    }
    const sinceMs = this.#sinceMs
    await this.#askTops(sinceMs - OVERLAP_MS, call)
    this.#round = { startedServerMs, sinceMs, left: (await parentsOfListed(store.read)).map((parent) => ({ parent, after: undefined })) }
  }

  /** The root and what links lead to, which no list of subfolders shows. */
  async #askTops(sinceMs: number, call: CallOptions): Promise<void> {
    const tops = (await topsOfListed(this.#o.store.read)).filter(({ base }) => base !== null)
    const states = await this.#o.drive.itemStates(tops.map(({ ino, base }) => ({ id: base?.realId ?? noBase(ino), kind: 'folder' as const })), call)
    const changed = tops.filter((_top, index) => {
      const state = states[index]
      return state !== undefined && state.state !== 'unknown' && (state.state !== 'live' || state.item.updatedMs >= sinceMs)
    })
    this.#o.rolling.name(changed.map(({ ino }) => ino))
  }

  async #take(question: Question, page: ListPage): Promise<void> {
    const round = this.#round
    if (round === undefined) return
    // A filter that a portal does not know is ignored silently (2.4), so what came is compared again.
    const changed = page.items.filter((item) => item.kind === 'folder' && item.updatedMs >= round.sinceMs - OVERLAP_MS)
    const rows = await this.#o.mirror.byRemoteIds(changed.map(({ id }) => id))
    this.#o.rolling.name([...rows.values()].filter(isWatched).map(({ ino }) => ino)) // a new one moved the time of its folder, which is named for it
    const last = page.items.at(-1)
    if (page.items.length + page.unreadable >= PAGE_ITEMS && last !== undefined && last.id !== question.after) round.left.unshift({ parent: question.parent, after: last.id })
  }

  #finish({ startedServerMs }: Round): void {
    this.#round = undefined
    this.#sinceMs = startedServerMs
    this.#isUnsaved = true
  }

  async #save(): Promise<void> {
    const sinceMs = this.#sinceMs
    if (!this.#isUnsaved || sinceMs === undefined || this.#o.rolling.named > 0) return
    this.#isUnsaved = false
    await this.#o.store.transact((tx) => this.#o.mirror.setFact(tx, SINCE_FACT, String(sinceMs)))
  }
}

function sinceOf(fact: string | undefined): number | undefined {
  const sinceMs = Number(fact)
  return fact === undefined || !Number.isFinite(sinceMs) ? undefined : sinceMs
}

function noBase(ino: Ino): never {
  throw new RangeError(`folder ${ino} is not on the portal`)
}
