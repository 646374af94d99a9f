/**
 * Every method the portal knows. Names are found without regard to case (E-1).
 */
import type { Method, MethodTable } from './desk.js'
import { CHANGING } from './methods/changing.js'
import { CREATING } from './methods/creating.js'
import { FILE_READS } from './methods/files.js'
import { FOLDER_READS } from './methods/folders.js'
import { platformMethods } from './methods/platform.js'
import { SEARCHING } from './methods/search.js'
import { SHARING } from './methods/sharing.js'
import { STORAGE_READS } from './methods/storages.js'

export const METHODS: MethodTable = { ...platformMethods(() => METHODS), ...STORAGE_READS, ...FOLDER_READS, ...FILE_READS, ...CREATING, ...CHANGING, ...SHARING, ...SEARCHING }

const BY_LOWER_NAME: ReadonlyMap<string, Method> = new Map(Object.entries(METHODS).map(([name, method]) => [name.toLowerCase(), method]))

export function findMethod(lowerName: string): Method | undefined {
  return BY_LOWER_NAME.get(lowerName)
}
