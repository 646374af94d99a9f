/**
 * Requests and answers as lines of JSON on the control socket: `{"id":1,"command":"pin","request":{"paths":["/…"]}}` is
 * answered by `{"id":1,"answer":{…}}` or `{"id":1,"error":{"code":"…","message":"…"}}`. Pure: checks what came, trusts nothing.
 */
import { DriveError, ERROR_CODES, type ErrorCode } from '../base/errors.js'
import type { CommandName, CommandRequest, ConflictChoice, ErrorAnswer, PathsRequest } from './commands.js'

/** Thousands of long paths fit; more is a mistake of the asker and must not fill the daemon's memory. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export interface RequestFrame {
  readonly id: number
  readonly command: CommandName
  readonly request: unknown
}

/** `id` is null when the line could not be read as far as its id. */
export type AnswerFrame = { readonly id: number; readonly answer: unknown } | { readonly id: number | null; readonly error: ErrorAnswer }

const LONGEST_WAIT_SECONDS = 7 * 24 * 3600

type RequestReader<Name extends CommandName> = (raw: Readonly<Record<string, unknown>>) => CommandRequest<Name>

/** Total over the commands: a new one does not compile until its request is checked here. */
export const REQUEST_READERS: { readonly [Name in CommandName]: RequestReader<Name> } = {
  status: () => ({}),
  pathStatus: readPaths,
  sync: (raw) => ({
    full: readFlag(raw, 'full'),
    resume: readFlag(raw, 'resume'),
    ...(raw.waitSeconds === undefined ? {} : { waitSeconds: readSeconds(raw, 'waitSeconds') }),
  }),
  fullSyncPlan: () => ({}),
  pause: () => ({}),
  folders: () => ({}),
  selectFolders: readPaths,
  deselectFolders: readPaths,
  brakeShow: () => ({}),
  brakeAllow: () => ({}),
  brakeUndo: () => ({}),
  resume: () => ({}),
  pin: readPaths,
  unpin: readPaths,
  free: readPaths,
  conflicts: () => ({}),
  resolveConflicts: (raw) => ({ ...readPaths(raw), keep: readChoice(raw) }),
  unmount: (raw) => ({ waitSeconds: readSeconds(raw, 'waitSeconds'), force: readFlag(raw, 'force') }),
  storages: (raw) => ({ all: readFlag(raw, 'all') }),
  connectStorage: readName,
  disconnectStorage: readName,
  settingsChanged: () => ({}),
  quit: () => ({}),
}

/** `bad-argument` for a line that is no request. */
export function parseRequest(line: string): RequestFrame {
  const raw = parseObject(line, 'bad-argument')
  const { id, command } = raw
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) throw new DriveError('bad-argument', 'the request has no id')
  if (typeof command !== 'string' || !isCommandName(command)) {
    throw new DriveError('bad-argument', 'the daemon does not know this command: it may be of another version, unmount and mount again', { fields: { id } })
  }
  return { id, command, request: raw.request }
}

/** `bad-answer` for a line that is no answer. */
export function parseAnswer(line: string): AnswerFrame {
  const raw = parseObject(line, 'bad-answer')
  const { id, error } = raw
  if (isObject(error) && typeof error.message === 'string') {
    return { id: typeof id === 'number' ? id : null, error: { code: readCode(error.code), message: error.message } }
  }
  if (typeof id !== 'number' || !('answer' in raw)) throw new DriveError('bad-answer', 'the daemon answered something that is no answer')
  return { id, answer: raw.answer }
}

export function requestObject(request: unknown): Readonly<Record<string, unknown>> {
  if (request === undefined) return {}
  if (!isObject(request)) throw new DriveError('bad-argument', 'the request is not an object')
  return request
}

function parseObject(line: string, code: ErrorCode): Readonly<Record<string, unknown>> {
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch (error) {
    throw new DriveError(code, 'the line is not JSON', { cause: error })
  }
  if (!isObject(raw)) throw new DriveError(code, 'the line is not a JSON object')
  return raw
}

function readPaths(raw: Readonly<Record<string, unknown>>): PathsRequest {
  const { paths } = raw
  if (!Array.isArray(paths) || !paths.every((path): path is string => typeof path === 'string' && path.startsWith('/') && !path.includes('\0'))) {
    throw new DriveError('bad-argument', 'paths must be a list of absolute paths')
  }
  return { paths }
}

function readName({ name }: Readonly<Record<string, unknown>>): { name: string } {
  if (typeof name !== 'string' || name === '') throw new DriveError('bad-argument', 'name must be a text')
  return { name }
}

function readChoice({ keep }: Readonly<Record<string, unknown>>): ConflictChoice {
  if (keep !== 'mine' && keep !== 'theirs' && keep !== 'both') throw new DriveError('bad-argument', 'keep must be mine, theirs or both')
  return keep
}

function readFlag(raw: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = raw[name] ?? false
  if (typeof value !== 'boolean') throw new DriveError('bad-argument', `${name} must be true or false`)
  return value
}

function readSeconds(raw: Readonly<Record<string, unknown>>, name: string): number {
  const value = raw[name] ?? 0
  if (typeof value !== 'number' || !(value >= 0 && value <= LONGEST_WAIT_SECONDS)) throw new DriveError('bad-argument', `${name} must be a number of seconds`)
  return value
}

function readCode(code: unknown): ErrorCode {
  return ERROR_CODES.find((known) => known === code) ?? 'internal'
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(REQUEST_READERS, name)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
