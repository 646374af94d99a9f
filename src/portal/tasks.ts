/** Levels as REST names them (bitrix24-rest.md 5.4), and the `rights` of uploads and new folders (6.1). */
import type { Desk } from './desk.js'
import { idOf, isPhpArray, listOf, textOf } from './parameters.js'
import type { Level } from './levels.js'
import { RestFailure } from './rest-failure.js'
import type { ObjectRow } from './rows.js'

export interface Task {
  readonly id: number
  readonly name: string
  readonly title: string
  readonly level: Level
}

export const TASKS: readonly Task[] = [
  { id: 73, name: 'disk_access_full', title: 'Full access', level: 'full' },
  { id: 74, name: 'disk_access_edit', title: 'Edit', level: 'edit' },
  { id: 75, name: 'disk_access_read', title: 'Read', level: 'read' },
  { id: 76, name: 'disk_access_add', title: 'Add', level: 'add' },
]

export function taskNamed(name: string): Task | undefined {
  return TASKS.find((task) => task.name === name)
}

/** A level for a person, as `rights` states it; groups and departments have nobody here. */
export interface WantedRight {
  readonly userId: number | undefined
  readonly level: Level | undefined
}

/** Refuses what is malformed with an empty code. */
export function readRights(rights: unknown): readonly WantedRight[] {
  if (rights === undefined || rights === null) return []
  const wanted = listOf(rights)?.map((entry) => {
    if (!isPhpArray(entry) || entry.TASK_ID === undefined || entry.ACCESS_CODE === undefined) return undefined
    const [, user] = /^U(\d+)$/.exec(textOf(entry.ACCESS_CODE)) ?? []
    return { userId: idOf(user), level: TASKS.find(({ id }) => id === idOf(entry.TASK_ID))?.level }
  })
  if (wanted === undefined || wanted.some((right) => right === undefined)) throw new RestFailure(400, '', 'Invalid rights format')
  return wanted.filter((right) => right !== undefined)
}

export function grantRights<T extends ObjectRow>(desk: Desk, row: T, rights: readonly WantedRight[]): T {
  for (const { userId, level } of rights) if (userId !== undefined && level !== undefined) desk.rights.grant({ objectId: row.id, userId, level })
  return row
}
