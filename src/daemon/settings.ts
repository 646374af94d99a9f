/**
 * The settings of a profile (DESIGN.md section 2): their defaults, what each may be, and the file that keeps those which
 * a person has set. An unknown key or a bad value is refused with what is allowed, also when it stands in the file.
 */
import { DEFAULT_LOCAL_ONLY_NAMES } from '../base/names.js'
import { DriveError } from '../base/errors.js'
import type { ProfilePaths } from './paths.js'
import { readRecord, writeFileAtomic } from './record-file.js'
import { checkPatterns, formatSize, parseFlag, parsePatterns, parseSeconds, parseSize } from './setting-values.js'

export interface Settings {
  /** Bytes. */
  readonly cacheLimit: number
  /** Bytes of the disk that stay free whatever the cache would like. */
  readonly freeSpaceFloor: number
  readonly hydrateOnRename: boolean
  readonly clickAction: 'folder' | 'file'
  readonly localOnlyNames: readonly string[]
  readonly showUploadedFiles: boolean
  /** Seconds. */
  readonly stallDeadline: number
  /** Seconds. */
  readonly uploadDelay: number
  /** Bytes per second; null is none. */
  readonly downloadLimit: number | null
  readonly uploadLimit: number | null
  readonly engine: 'native' | 'fuse-native'
}

export type SettingKey = keyof Settings

interface Rule<Value> {
  readonly standard: Value
  readonly allowed: string
  /** From what a person typed. */
  readonly parse: (text: string) => Value | undefined
  /** From what stands in the file. */
  readonly check: (stored: unknown) => Value | undefined
  readonly format: (value: Value) => string
}

const MIN_CACHE_BYTES = 1_000 // a smaller number is a forgotten unit
const LONGEST_SECONDS = 3_600
const MIN_BYTES_PER_SECOND = 1_000 // slower than this and every transfer runs into its deadline

function size(standard: number, min: number, allowed: string): Rule<number> {
  const fits = (bytes: unknown): bytes is number => Number.isSafeInteger(bytes) && (bytes as number) >= min
  const check = (stored: unknown): number | undefined => (fits(stored) ? stored : undefined)
  return { standard, allowed, parse: (text) => check(parseSize(text)), check, format: formatSize }
}

function bandwidth(): Rule<number | null> {
  const check = (stored: unknown): number | null | undefined =>
    stored === null || (Number.isSafeInteger(stored) && (stored as number) >= MIN_BYTES_PER_SECOND) ? (stored as number | null) : undefined
  return {
    standard: null,
    allowed: '"none", or bytes per second from 1KB on, such as 500KB or 2MB',
    parse: (text) => (text.trim().toLowerCase() === 'none' ? null : check(parseSize(text))),
    check,
    format: (value) => (value === null ? 'none' : formatSize(value)),
  }
}

function seconds(standard: number, min: number): Rule<number> {
  const check = (stored: unknown): number | undefined =>
    typeof stored === 'number' && stored >= min && stored <= LONGEST_SECONDS ? stored : undefined
  const parse = (text: string): number | undefined => check(parseSeconds(text))
  return { standard, allowed: `seconds from ${min} to ${LONGEST_SECONDS}`, parse, check, format: String }
}

function flag(standard: boolean): Rule<boolean> {
  return {
    standard,
    allowed: 'true or false',
    parse: parseFlag,
    check: (stored) => (typeof stored === 'boolean' ? stored : undefined),
    format: String,
  }
}

function choice<Value extends string>(standard: Value, values: readonly Value[]): Rule<Value> {
  const check = (stored: unknown): Value | undefined => values.find((value) => value === stored)
  return { standard, allowed: values.join(' or '), parse: (text) => check(text.trim()), check, format: String }
}

const PATTERNS: Rule<readonly string[]> = {
  standard: DEFAULT_LOCAL_ONLY_NAMES,
  allowed: 'name patterns with * and ?, separated by commas or as a JSON list, without "/" and not "*" alone',
  parse: parsePatterns,
  check: (stored) => (Array.isArray(stored) ? checkPatterns(stored) : undefined),
  format: (patterns) => (patterns.some((pattern) => pattern.includes(',')) ? JSON.stringify(patterns) : patterns.join(',')),
}

const RULES: { readonly [Key in SettingKey]: Rule<Settings[Key]> } = {
  cacheLimit: size(10 * 10 ** 9, MIN_CACHE_BYTES, 'a size from 1KB on, such as 64MB, 10GB or 1GiB'),
  freeSpaceFloor: size(10 ** 9, 0, 'a size, such as 0, 500MB or 1GB'),
  hydrateOnRename: flag(true),
  clickAction: choice('folder', ['folder', 'file']),
  localOnlyNames: PATTERNS,
  showUploadedFiles: flag(false),
  stallDeadline: seconds(30, 1),
  uploadDelay: seconds(3, 0),
  downloadLimit: bandwidth(),
  uploadLimit: bandwidth(),
  engine: choice('native', ['native', 'fuse-native']),
}

export const SETTING_KEYS = Object.keys(RULES) as readonly SettingKey[]

export const DEFAULT_SETTINGS: Settings = settingsFrom(() => undefined)

/** `usage` with the list of keys for a key that is none. */
export function settingKey(text: string): SettingKey {
  const key = SETTING_KEYS.find((known) => known === text)
  if (key === undefined) throw new DriveError('usage', `there is no setting "${text}": the settings are ${SETTING_KEYS.join(', ')}`)
  return key
}

export function formatSetting<Key extends SettingKey>(key: Key, value: Settings[Key]): string {
  return RULES[key].format(value)
}

/** What a person may write for a key. */
export function allowedValues(key: SettingKey): string {
  return `${RULES[key].allowed}; "default" is ${formatSetting(key, DEFAULT_SETTINGS[key])}`
}

/** `profile-damaged` when the file holds what is not allowed. */
export async function readSettings(paths: ProfilePaths): Promise<Settings> {
  const stored = await readStored(paths)
  return settingsFrom((key) => {
    if (stored[key] === undefined) return undefined
    const value = RULES[key].check(stored[key])
    if (value === undefined) {
      throw new DriveError('profile-damaged', `the setting ${key} in ${paths.settingsPath} is not valid: it may be ${allowedValues(key)}`)
    }
    return value
  })
}

/** Sets one key from what a person typed (`default` takes the setting back) and answers all settings; `usage` for a bad value. */
export async function writeSetting(paths: ProfilePaths, key: SettingKey, text: string): Promise<Settings> {
  const value = parseSetting(key, text)
  const next = { ...(await readStored(paths)), [key]: value === 'default' ? undefined : value } // an undefined field is not written
  await writeFileAtomic(paths.settingsPath, `${JSON.stringify(next, undefined, 2)}\n`)
  return await readSettings(paths)
}

/** What a person typed as the value it means; `usage` for what is not allowed. `default` is no value. */
export function parseSetting(key: SettingKey, text: string): Settings[SettingKey] | 'default' {
  if (text.trim() === 'default') return 'default'
  const value = RULES[key].parse(text)
  if (value === undefined) throw new DriveError('usage', `"${text}" is no value for ${key}: it may be ${allowedValues(key)}`)
  return value
}

async function readStored(paths: ProfilePaths): Promise<Partial<Record<SettingKey, unknown>>> {
  const stored = await readRecord(paths.settingsPath, 'remove it to go back to the defaults, or correct it')
  for (const key of Object.keys(stored ?? {})) {
    if (!SETTING_KEYS.some((known) => known === key)) {
      throw new DriveError('profile-damaged', `there is no setting "${key}", but it stands in ${paths.settingsPath}: the settings are ${SETTING_KEYS.join(', ')}`)
    }
  }
  return stored ?? {}
}

/** The stored value of each key where `pick` has one (null is a value), else the default. */
function settingsFrom(pick: (key: SettingKey) => Settings[SettingKey] | undefined): Settings {
  const entries = SETTING_KEYS.map((key) => {
    const value = pick(key)
    return [key, value === undefined ? RULES[key].standard : value]
  })
  return Object.fromEntries(entries) as Settings // total: SETTING_KEYS are the keys of RULES
}
