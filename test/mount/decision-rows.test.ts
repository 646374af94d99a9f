/**
 * Every row C1 to C27 of the decision table (bitrix24-desktop-sync.md 11.1) through the whole program, across a pause; across an
 * outage in decision-rows-offline.test.ts, while nothing parts the two sides in decision-rows-running.test.ts, and what waits for
 * somebody else (C24, C25) in decision-rows-refused.test.ts. More of C6, C7, C10, C14 and C21 is in remote-changes.test.ts (shown by
 * itself, with files open), of C7 in conflicts.test.ts and storm.test.ts, of C9 in meeting.test.ts, of C18 in trash.test.ts, of
 * C10 in folder-rename.test.ts, of C14, C16, C21 and C26 in article.test.ts.
 */
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { playRows } from './row-play.js'
import { ROWS_OF_OTHER_DRIVES } from './rows-of-other-drives.js'
import { ROWS_OF_OWN_DRIVE } from './rows-of-own-drive.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

await t.test('across a pause', fuse, (t) => playRows(t, [...ROWS_OF_OWN_DRIVE, ...ROWS_OF_OTHER_DRIVES], 'paused'))
