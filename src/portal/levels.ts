/** Levels of rights, each containing the ones before it, and what gives one to a person. */

export const LEVELS = ['none', 'read', 'add', 'edit', 'full'] as const
export type Level = (typeof LEVELS)[number]

export interface Grant {
  readonly objectId: number
  readonly userId: number
  readonly level: Level
}
