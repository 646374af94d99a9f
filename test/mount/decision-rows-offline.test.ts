/** The rows of the decision table across an outage; see decision-rows.test.ts. */
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { playRows } from './row-play.js'
import { ROWS_OF_OTHER_DRIVES } from './rows-of-other-drives.js'
import { ROWS_OF_OWN_DRIVE } from './rows-of-own-drive.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

await t.test('across a lost network', fuse, (t) => playRows(t, [...ROWS_OF_OWN_DRIVE, ...ROWS_OF_OTHER_DRIVES], 'offline'))
