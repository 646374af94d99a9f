/** Power losses that random images seldom meet, by what happened before. */
export const STORIES = ['the folder of a new name is synced', 'an unchanged file with a new name is synced', 'a synced file that was never sent is replaced'] as const

export type Story = (typeof STORIES)[number]

export function isStory(word: string): word is Story {
  return (STORIES as readonly string[]).includes(word)
}
