/**
 * Which engine runs, and why: the native one unless another is asked for, npm's fuse-native where the addon cannot be
 * loaded. An engine asked for by name is that one or a failure, never silently another.
 */
import { DriveError, errorText, hasCode } from '../base/errors.js'
import { lacking, type Capability, type EngineName } from './engine-capabilities.js'
import { loadFuseAddon } from './fuse-addon.js'
import { loadFuseNative } from './fuse-native-binding.js'
import { mountFuseNative } from './mount-fuse-native.js'
import { mountNative, type MountedEngine, type NativeMountOptions } from './mount-native.js'

export interface EngineWish {
  readonly name: EngineName
  /** `option`: this mount was asked to; `setting`: the profile says so, by its default or a person's choice. */
  readonly by: 'option' | 'setting'
}

export interface EngineChoice {
  readonly name: EngineName
  /** For a person. */
  readonly why: string
  readonly lacks: readonly Capability[]
  /** Nobody asked for this engine: the one that was wished for cannot run. */
  readonly isFallback: boolean
}

/** Each fails with `unsupported` where its engine cannot run. */
export type EngineLoaders = Readonly<Record<EngineName, () => unknown>>

const LOADERS: EngineLoaders = { native: loadFuseAddon, 'fuse-native': loadFuseNative }

/** Fails with `unsupported` when no engine that may be chosen can be loaded, with what to do about it. */
export function chooseEngine(wish: EngineWish, loaders: EngineLoaders = LOADERS): EngineChoice {
  const asked = wish.by === 'option' ? 'asked for by --engine' : 'chosen by the setting engine'
  if (wish.name === 'fuse-native') {
    loaders['fuse-native']()
    return chosen('fuse-native', asked)
  }
  const refusal = failureOf(loaders.native)
  if (refusal === undefined) return chosen('native', 'the addon speaks the kernel protocol itself')
  if (wish.by === 'option') throw refusal
  const second = failureOf(loaders['fuse-native'])
  if (second !== undefined) throw new DriveError('unsupported', `${errorText(refusal)} ${errorText(second)}`, { cause: refusal })
  return { ...chosen('fuse-native', `instead of native: ${errorText(refusal)}`), isFallback: true }
}

export interface EngineMount {
  readonly engine: MountedEngine
  readonly choice: EngineChoice
}

/** Fails as `chooseEngine` and `mountNative` do. */
export async function mountEngine(wish: EngineWish, options: NativeMountOptions): Promise<EngineMount> {
  const choice = chooseEngine(wish)
  const mount = choice.name === 'native' ? mountNative : mountFuseNative
  options.log.info({ engine: choice.name, why: choice.why }, 'the engine is chosen')
  return { engine: await mount(options), choice }
}

const chosen = (name: EngineName, why: string): EngineChoice => ({ name, why, lacks: lacking(name), isFallback: false })

function failureOf(load: () => unknown): DriveError | undefined {
  try {
    load()
    return undefined
  } catch (error) {
    if (hasCode(error, 'unsupported')) return error
    throw error
  }
}
