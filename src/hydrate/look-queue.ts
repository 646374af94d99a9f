/**
 * Questions about files on their way to the portal. For each priority at most one request waits for its turn in the
 * budget; when the turn comes it takes along up to fifty of those that wait, the most urgent first, because a batch
 * costs as much as a single call. So a queue before the portal makes batches, and nothing waits for others to come.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, errorText } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { CallOptions, Drive, Outcome, Priority, RemoteFile } from '../drive/drive.js'

const MOST_AT_ONCE = 50
const URGENCY: readonly Priority[] = ['interactive', 'listing', 'upload', 'background']
/** A patient question waits so long for others of its kind. */
const PATIENCE_MS = 2_000

interface Asker {
  readonly resolve: (file: RemoteFile) => void
  readonly reject: (error: Error) => void
}

interface Question {
  readonly id: RemoteId
  priority: Priority
  /** Nobody needs the answer soon: it starts no request by itself. */
  isPatient: boolean
  /** Nobody needs it yet at all: the answer is handed to `onAhead`. */
  isAhead: boolean
  readonly askers: Set<Asker>
  request: { readonly questions: readonly Question[]; readonly stop: AbortController; readonly sentMs: number } | undefined
  readonly ended: Promise<void>
  readonly end: () => void
}

export class LookQueue {
  readonly #drive: Pick<Drive, 'getFiles'>
  readonly #clock: Clock
  readonly #onAhead: (id: RemoteId, file: RemoteFile, askedMs: number) => void
  /** In order of arrival; a file once. */
  readonly #unsent = new Map<RemoteId, Question>()
  readonly #sent = new Map<RemoteId, Question>()
  /** Requests that wait for their turn. */
  readonly #waiting = new Map<Priority, AbortController>()
  readonly #running = new Set<Promise<void>>()
  #cancelPatience: (() => void) | undefined
  readonly #stopping = new AbortController()

  constructor(options: { drive: Pick<Drive, 'getFiles'>; clock: Clock; onAhead: (id: RemoteId, file: RemoteFile, askedMs: number) => void }) {
    this.#drive = options.drive
    this.#clock = options.clock
    this.#onAhead = options.onAhead
  }

  /** The file as the portal has it after this call. Fails as `getFile` does; the signal's reason when it aborts. */
  ask(id: RemoteId, { priority, signal }: CallOptions, isPatient = false): Promise<RemoteFile> {
    return new Promise((resolve, reject) => {
      if (this.#stopping.signal.aborted || signal?.aborted === true) {
        reject(gone(signal))
        return
      }
      const question = this.#question(id, priority, isPatient)
      const onAbort = (): void => {
        question.askers.delete(asker)
        reject(gone(signal))
        this.#abandon(question)
      }
      const done = (): void => signal?.removeEventListener('abort', onAbort)
      const asker: Asker = { resolve: (file) => { done(); resolve(file) }, reject: (error) => { done(); reject(error) } }
      signal?.addEventListener('abort', onAbort, { once: true })
      question.askers.add(asker)
      this.#startFor(question)
    })
  }

  /** Files that somebody will probably ask about next. */
  lookAhead(ids: readonly RemoteId[]): void {
    if (this.#stopping.signal.aborted) return
    const unknown = ids.filter((id) => !this.#unsent.has(id))
    for (const id of unknown) this.#question(id, 'listing', false).isAhead = true
    if (unknown.length > 0) this.#start('listing')
  }

  /** Somebody waits now for the answer to a question that was asked before. */
  hurry(id: RemoteId): void {
    const question = this.#unsent.get(id)
    if (question === undefined) return
    raise(question, 'interactive', false)
    this.#startFor(question)
  }

  isUnsent(id: RemoteId): boolean {
    return this.#unsent.has(id)
  }

  /** Resolves when the answer has come (or will not); undefined when none is on its way, or for longer than `withinMs`. */
  coming(id: RemoteId, withinMs: number): Promise<void> | undefined {
    const question = this.#sent.get(id)
    if (question?.request === undefined || this.#clock.monotonicMs() - question.request.sentMs > withinMs) return undefined
    return question.ended
  }

  /** Everybody who asked gets `cancelled`; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#cancelPatience?.()
    this.#stopping.abort()
    for (const question of [...this.#unsent.values()]) this.#fail(question, gone(undefined))
    for (const waiting of this.#waiting.values()) waiting.abort()
    for (const { request } of this.#sent.values()) request?.stop.abort()
    await Promise.all(this.#running)
  }

  #question(id: RemoteId, priority: Priority, isPatient: boolean): Question {
    const known = this.#unsent.get(id)
    if (known !== undefined) {
      raise(known, priority, isPatient)
      return known
    }
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const question: Question = { id, priority, isPatient, isAhead: false, askers: new Set(), request: undefined, ended, end }
    this.#unsent.set(id, question)
    return question
  }

  #startFor({ isPatient, priority }: Question): void {
    if (!isPatient) this.#start(priority)
    else if ([...this.#unsent.values()].filter((question) => question.isPatient).length >= MOST_AT_ONCE) this.#endPatience()
    else {
      this.#cancelPatience ??= this.#clock.setTimer(PATIENCE_MS, () => {
        this.#endPatience()
      })
    }
  }

  #endPatience(): void {
    this.#cancelPatience?.()
    this.#cancelPatience = undefined
    for (const question of this.#unsent.values()) question.isPatient = false
    this.#startRest()
  }

  #start(priority: Priority): void {
    // A request that goes earlier takes what it can along; the rest is looked at then.
    if (URGENCY.slice(0, URGENCY.indexOf(priority) + 1).some((other) => this.#waiting.has(other))) return
    const stop = new AbortController()
    this.#waiting.set(priority, stop)
    const run = this.#run(priority, stop).finally(() => this.#running.delete(run))
    this.#running.add(run)
  }

  #startRest(): void {
    const due = [...this.#unsent.values()].filter(({ isPatient }) => !isPatient)
    for (const priority of URGENCY) {
      if (due.some((question) => question.priority === priority)) this.#start(priority)
      else this.#dismiss(priority)
    }
  }

  /** All that a waiting request was for has gone with others, or nobody asks any more. */
  #dismiss(priority: Priority): void {
    const waiting = this.#waiting.get(priority)
    if (waiting === undefined || [...this.#unsent.values()].some((question) => question.priority === priority)) return
    this.#waiting.delete(priority)
    waiting.abort()
  }

  async #run(priority: Priority, stop: AbortController): Promise<void> {
    let taken: readonly Question[] = []
    try {
      const take = (): readonly RemoteId[] => {
        taken = this.#take(priority, stop)
        return taken.map(({ id }) => id)
      }
      const outcomes = await this.#drive.getFiles(take, { priority, signal: stop.signal })
      taken.forEach((question, index) => {
        this.#settle(question, outcomes[index])
      })
    } catch (error) {
      const failure = error instanceof Error ? error : new DriveError('internal', errorText(error))
      // Failed before its turn: with it, all that it was to carry.
      if (this.#waiting.get(priority) === stop) {
        this.#waiting.delete(priority)
        taken = [...this.#unsent.values()].filter((question) => question.priority === priority)
      }
      for (const question of taken) this.#fail(question, failure)
    }
    this.#startRest()
  }

  #take(priority: Priority, stop: AbortController): readonly Question[] {
    if (stop.signal.aborted) return [] // its turn came in the moment in which it was taken back
    if (this.#waiting.get(priority) === stop) this.#waiting.delete(priority)
    // Each command costs the portal time; somebody who waits does not wait for the patient ones.
    const riders = [...this.#unsent.values()].filter(({ isPatient }) => !isPatient || priority !== 'interactive')
    const questions = URGENCY.flatMap((urgency) => riders.filter((question) => question.priority === urgency)).slice(0, MOST_AT_ONCE)
    const request = { questions, stop, sentMs: this.#clock.monotonicMs() }
    for (const question of questions) {
      question.request = request
      this.#unsent.delete(question.id)
      this.#sent.set(question.id, question)
    }
    this.#startRest()
    return questions
  }

  #settle(question: Question, outcome: Outcome<RemoteFile> | undefined): void {
    if (outcome?.ok !== true) {
      this.#fail(question, outcome?.error ?? new DriveError('bad-answer', 'the portal left the file out of its answer'))
      return
    }
    this.#forget(question)
    if (question.isAhead && question.askers.size === 0) this.#onAhead(question.id, outcome.value, question.request?.sentMs ?? -Infinity)
    for (const asker of question.askers) asker.resolve(outcome.value)
    question.end()
  }

  #fail(question: Question, error: Error): void {
    this.#forget(question)
    for (const asker of question.askers) asker.reject(error)
    question.end()
  }

  #forget(question: Question): void {
    for (const map of [this.#unsent, this.#sent]) if (map.get(question.id) === question) map.delete(question.id)
  }

  /** One who asked has gone. */
  #abandon(question: Question): void {
    if (question.request === undefined) {
      if (question.askers.size > 0 || question.isAhead) return
      this.#forget(question)
      question.end()
      this.#dismiss(question.priority)
    } else if (question.request.questions.every(({ askers }) => askers.size === 0)) {
      question.request.stop.abort()
    }
  }
}

function raise(question: Question, priority: Priority, isPatient: boolean): void {
  if (URGENCY.indexOf(priority) < URGENCY.indexOf(question.priority)) question.priority = priority
  question.isPatient &&= isPatient
}

/** Why somebody asks no more. */
export function gone(signal: AbortSignal | undefined): DriveError {
  return signal?.reason instanceof DriveError ? signal.reason : new DriveError('cancelled', 'nobody asks any more')
}
