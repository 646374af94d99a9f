/**
 * From the word on the command line to the seed: `empty`, `demo`, `links`, `tree:FOLDERSxFILES[xBYTES]`.
 */
import { DriveError } from '../../base/errors.js'
import { demoSeed } from './demo-seed.js'
import { linksSeed } from './links-seed.js'
import { ListedSeed } from './listed-seed.js'
import type { Seed } from './seed.js'
import { parseTreeShape, TreeSeed } from './tree-seed.js'

/** `madeSec` is the portal's time at its first start. Fails with `usage`. */
export function chooseSeed(word: string, madeSec: number): Seed {
  if (word === 'empty') return new ListedSeed(madeSec)
  if (word === 'demo') return demoSeed(madeSec)
  if (word === 'links') return linksSeed(madeSec)
  const shape = word.startsWith('tree:') ? parseTreeShape(word.slice('tree:'.length)) : undefined
  if (shape !== undefined) return new TreeSeed(shape, madeSec)
  throw new DriveError('usage', `There is no seed "${word}": use demo, empty, links or tree:FOLDERSxFILES[xBYTES].`)
}
